import { S3ServiceException } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { failureReasonOf } from '../../src/contract/failure-reason.ts'
import { KafkaConnectionError, KafkaError, problemLine } from '../../src/sink/kafka/kafka-error.ts'
import { s3Error } from '../../src/sink/s3-errors.ts'

const PLACE = { bucketName: 'acme', region: 'us-west-2' }
/** Of a host with several addresses of which the first does not answer. */
const SLOW = 'ERR_SOCKET_CONNECTION_TIMEOUT'
const named = (name: string) => Object.assign(new Error('what happened'), { name })
const refused = (name: string, httpStatusCode: number) =>
  new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode } })
const s3 = (error: unknown) => failureReasonOf(s3Error(error, 'PutObject', PLACE).message)
const kafka = (error: unknown) => failureReasonOf(problemLine(error))

describe('failureReasonOf', () => {
  it.each<[string, Error]>([
    ['BucketNotFound', refused('NoSuchBucket', 404)],
    ['BucketAccessDenied', refused('Forbidden', 403)],
    ['BucketInOtherRegion', refused('PermanentRedirect', 301)],
    ['CredentialsRefused', refused('InvalidAccessKeyId', 403)],
    ['CredentialsRefused', refused('SignatureDoesNotMatch', 403)],
    ['CredentialsMissing', named('CredentialsProviderError')],
    ['S3Unreachable', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    ['S3Unreachable', Object.assign(new Error('getaddrinfo EAI_AGAIN s3'), { code: 'EAI_AGAIN' })],
    ['S3Unreachable', named('TimeoutError')],
    ['S3Unreachable', Object.assign(new Error('Invalid URL'), { code: 'ERR_INVALID_URL' })],
    ...[
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'AuthoritiesMissing',
      SLOW,
    ].map((code): [string, Error] => ['S3Unreachable', Object.assign(new Error('certificate'), { code })]),
    ['BucketUnsuitable', refused('NotImplemented', 501)],
    ['BucketInOtherRegion', refused('IllegalLocationConstraintException', 400)],
    ['S3Failed', refused('InternalError', 500)],
  ])('is %s for what S3 says (%#)', (reason, error) => {
    expect(s3(error)).toBe(reason)
  })

  it.each([
    ['KafkaAccessDenied', new KafkaError('joining', 30)],
    ['TopicNotFound', new KafkaError('fetching', 3)],
    ['KafkaUnreachable', new KafkaConnectionError('broker:9092: connect ECONNREFUSED 10.0.0.1:9092')],
    ['KafkaUnreachable', new KafkaConnectionError('broker:9093: CERT_HAS_EXPIRED: its certificate has expired')],
    ['KafkaUnreachable', new KafkaConnectionError('broker:9093: EPROTO: it does not speak TLS: see spec.kafka.tls')],
    ['KafkaCredentialsRefused', new Error('SASL PLAIN authentication failed')],
    ['KafkaFailed', new KafkaError('joining', 81)],
    ['KafkaUnreachable', new KafkaConnectionError('sasl.kafka:9094: connect ECONNREFUSED 10.0.0.1:9094')],
    ['KafkaUnreachable', new KafkaConnectionError('cannot reach events-sasl-bootstrap.kafka:9094 (ECONNREFUSED)')],
    ['KafkaUnreachable', new KafkaConnectionError('no answer to Fetch from authentication.kafka:9092 (ECONNRESET)')],
    ['KafkaFailed', new KafkaConnectionError('cannot reach connect.kafka:9092 (it speaks Fetch 0 to 9, not 11)')],
    ['KafkaFailed', new KafkaError('Kafka group analytics-connector.acme.events: cannot join', 81)],
    ['KafkaFailed', new KafkaError('Kafka fetch of player-authentication-3', 56)],
    ['KafkaFailed', new KafkaError('Kafka group g: commit of acme.connect-3, authentication-1', 12)],
    ['KafkaAccessDenied', new KafkaError('Kafka topic acme.authentication', 29)],
    ['KafkaUnreachable', new KafkaConnectionError('cannot reach sasl.kafka:9094 (ECONNREFUSED)')],
    ...['EAI_AGAIN', 'CERT_NOT_YET_VALID', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', SLOW].map(
      (code): [string, Error] => ['KafkaUnreachable', new KafkaConnectionError(`cannot reach kafka:9093 (${code})`)],
    ),
    [
      'KafkaUnreachable',
      new KafkaConnectionError(
        'no answer to Metadata from kafka:9092 (ECONNRESET; it may expect authentication: see spec.kafka.sasl)',
      ),
    ],
    ['KafkaFailed', new KafkaConnectionError('cannot reach connect.kafka:9092 (it speaks Fetch 0 to 3, not 11)')],
    ['KafkaCredentialsRefused', new KafkaConnectionError('kafka:9093 does not let us in by spec.kafka.sasl (wrong)')],
    [
      'KafkaUnreachable',
      new KafkaConnectionError(
        'kafka:9093 does not let us in by spec.kafka.sasl (the token endpoint https://id:8443/token cannot be reached (ECONNREFUSED))',
      ),
    ],
    [
      'KafkaUnreachable',
      new KafkaConnectionError('cannot reach [2001:db8::a]:9092 (ENOTFOUND: there is no such host)'),
    ],
  ])('is %s for what Kafka says (%#)', (reason, error) => {
    expect(kafka(error)).toBe(reason)
  })

  it('knows a topic that is not there, a partition that stopped, and that it does not know the rest', () => {
    expect(failureReasonOf('Kafka topic acme.logins does not exist (and 2 more)')).toBe('TopicNotFound')
    expect(failureReasonOf('acme.logins partition 3 is stopped: another object')).toBe('PartitionStopped')
    expect(failureReasonOf('KafkaConnect.logins partition 3 is stopped: another object')).toBe('PartitionStopped')
    expect(failureReasonOf('what?')).toBe('SinkFailed')
  })
})
