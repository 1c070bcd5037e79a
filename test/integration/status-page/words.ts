/** What sinks and the kubelet say in the states of docs/status.md, by reason. */
import type { SinkStatus } from '../../../src/contract/sink-status.ts'

/** What a sink says in its error; the words are those of the sink. */
export const ERRORS: Record<string, string> = {
  BucketNotFound: 'S3 NoSuchBucket: HeadBucket on bucket acme-events (us-west-2)',
  BucketAccessDenied: 'S3 AccessDenied: PutObject on bucket acme-events (us-west-2)',
  BucketInOtherRegion:
    'S3 PermanentRedirect: HeadBucket on bucket acme-events (us-west-2): the bucket is in region eu-west-1',
  BucketUnsuitable:
    'S3 ConditionalWriteIgnored: object _probe/games/bucket-unsuitable/_probe of bucket acme-events (us-west-2): the server wrote over it although it was asked not to (If-None-Match: *): nothing is delivered',
  CredentialsMissing:
    'S3 CredentialsProviderError: HeadBucket on bucket acme-events (us-west-2): the credentials Secret has no key AWS_ACCESS_KEY_ID',
  CredentialsRefused:
    'S3 InvalidAccessKeyId: HeadBucket on bucket acme-events (us-west-2): the access key id is unknown',
  S3Unreachable: 'S3 ECONNREFUSED: PutObject on bucket acme-events (us-west-2): connect ECONNREFUSED 10.0.0.9:9000',
  S3Failed: 'S3 InternalError: PutObject on bucket acme-events (us-west-2)',
  TopicNotFound: 'Kafka topic analytics_game_telemetry.live.acme.gameStarted does not exist',
  KafkaAccessDenied: 'Kafka: joining group acme: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
  KafkaCredentialsRefused: 'Kafka: kafka:9093: SASL SCRAM-SHA-512 authentication failed',
  KafkaUnreachable: 'Kafka: kafka:9092: connect ECONNREFUSED 10.0.0.7:9092',
  KafkaFailed:
    'Kafka: joining group acme: the consumer group is full (group.max.size of the broker) (GROUP_MAX_SIZE_REACHED)',
  PartitionStopped:
    'analytics_game_telemetry.live.acme.gameStarted partition 3 is stopped: another writer has made the object of this set',
  SinkFailed: 'the sink cannot go on',
}

/** What the kubelet says of a container. */
export const CONTAINERS: Record<string, object> = {
  ImagePullBackOff: {
    state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "no-such-image:1"' } },
  },
  CrashLoopBackOff: {
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 1, reason: 'Error', message: '{"msg":"the sink cannot run","error":"why"}' } },
  },
  OOMKilled: {
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  },
  CreateContainerConfigError: {
    state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' } },
  },
}

/** What the kubelet says of the container of a pod that looks after the consumer group. */
export const GROUP_CONTAINERS: Record<string, object> = {
  RenewalFailed: ended(1, 'cannot keep-offsets', 'kafka:9092: connect ECONNREFUSED 10.0.0.7:9092'),
  ConsumerGroupDeleted: ended(0),
  ConsumerGroupKept: ended(
    1,
    'cannot delete',
    'Kafka group consumer-group-kept: cannot be deleted: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
  ),
}

function ended(exitCode: number, msg?: string, error?: string): object {
  const message = error && JSON.stringify({ msg, error })
  return { state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message } } }
}

/** What a sink says that does not fail. */
export const SAYS: Record<string, Partial<SinkStatus>> = {
  Starting: { state: 'STARTING' },
  ProgressDeadlineExceeded: { state: 'STARTING' },
  TooFewPartitions: { topicPartitions: 3 },
  OffsetsExpired: {
    lost: {
      offsets: 22,
      ranges: [{ topic: 'logins', partition: 3, from: '12', to: '34', at: '2026-03-01T12:00:00Z', reason: 'expired' }],
    },
  },
}
