/** What sinks and the kubelet say in the states of docs/status.md, by reason. */
import { S3ServiceException } from '@aws-sdk/client-s3'
import type { SinkStatus } from '../../../src/contract/sink-status.ts'
import { beginningOf } from '../../../src/sink/assignment.ts'
import { KafkaError } from '../../../src/sink/kafka/kafka-error.ts'
import { s3Error } from '../../../src/sink/s3-errors.ts'

const PLACE = { bucketName: 'acme-events', region: 'us-west-2' }

/** What the sink makes of an answer of S3. */
function ofS3(name: string, operation: string, details: { region?: string } = {}): string {
  const error = new S3ServiceException({ name, $fault: 'client', message: '', $metadata: { httpStatusCode: 400 } })
  const headers = details.region === undefined ? {} : { 'x-amz-bucket-region': details.region }
  return s3Error(Object.assign(error, { $response: { headers } }), operation, PLACE).message
}

/** What the sink makes of it when S3 gives none. */
function withoutS3(code: string, operation: string, message: string): string {
  return s3Error(Object.assign(new Error(message), { code }), operation, PLACE).message
}

/** What it makes of an offset that a tool has set. */
function ofMovedOffset(): string {
  const committed = { offset: 1830n, metadata: '' }
  const beginning = beginningOf({
    committed,
    clusterId: 'any',
    startFrom: 'earliest',
    epoch: 0,
    planOf: () => null,
  })
  return beginning.kind === 'stop' ? beginning.error : ''
}

const GROUP = 'Kafka group acme: cannot join'

/** What a sink says in its error. */
export const ERRORS: Record<string, string> = {
  BucketNotFound: ofS3('NoSuchBucket', 'ListObjectsV2'),
  BucketAccessDenied: ofS3('AccessDenied', 'PutObject'),
  BucketInOtherRegion: ofS3('PermanentRedirect', 'ListObjectsV2', { region: 'eu-west-1' }),
  BucketUnsuitable:
    'S3 ConditionalWriteIgnored: object _probe/games/bucket-unsuitable/_probe of bucket acme-events (us-west-2): the server wrote over it although it was asked not to (If-None-Match: *): nothing is delivered',
  CredentialsMissing: withoutS3(
    'CredentialsProviderError',
    'ListObjectsV2',
    'the Secret of spec.config.credentialsSecretRef is missing or has no key AWS_ACCESS_KEY_ID',
  ),
  CredentialsRefused: ofS3('InvalidAccessKeyId', 'ListObjectsV2'),
  S3Unreachable: withoutS3('ECONNREFUSED', 'PutObject', 'connect ECONNREFUSED 10.0.0.9:9000'),
  S3Failed: ofS3('InternalError', 'PutObject'),
  TopicNotFound: 'Kafka topic analytics_game_telemetry.live.acme.gameStarted does not exist',
  KafkaAccessDenied: new KafkaError(GROUP, 30).message,
  KafkaCredentialsRefused: 'Kafka: kafka:9093: SASL SCRAM-SHA-512 authentication failed',
  KafkaUnreachable: 'Kafka: kafka:9092: connect ECONNREFUSED 10.0.0.7:9092',
  KafkaFailed: new KafkaError(GROUP, 81).message,
  PartitionStopped: `analytics_game_telemetry.live.acme.gameStarted partition 3 is stopped: ${ofMovedOffset()}`,
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
