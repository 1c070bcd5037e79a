/**
 * What a sink's error line is about, as the reason of the conditions Ready, Active and Stalled. How the line begins is part
 * of the contract between sink and operator: `S3 <code>: …` with a code of S3, of the network or of our own, `Kafka …` with the broker's error name
 * in it, or a partition that stopped.
 */
export const FAILURE_REASONS = [
  'BucketNotFound',
  'BucketAccessDenied',
  'BucketInOtherRegion',
  'BucketUnsuitable',
  'CredentialsMissing',
  'CredentialsRefused',
  'S3Unreachable',
  'S3Failed',
  'TopicNotFound',
  'KafkaAccessDenied',
  'KafkaCredentialsRefused',
  'KafkaUnreachable',
  'KafkaFailed',
  'PartitionStopped',
  'SinkFailed',
] as const

export type FailureReason = (typeof FAILURE_REASONS)[number]

/** S3's code to what a person has to look at. Source: "Error responses", Amazon S3 API Reference. */
const OF_S3_CODE: Readonly<Record<string, FailureReason>> = {
  NoSuchBucket: 'BucketNotFound',
  InvalidBucketName: 'BucketNotFound',
  AccessDenied: 'BucketAccessDenied',
  AllAccessDisabled: 'BucketAccessDenied',
  AccountProblem: 'BucketAccessDenied',
  PermanentRedirect: 'BucketInOtherRegion',
  AuthorizationHeaderMalformed: 'BucketInOtherRegion',
  IllegalLocationConstraintException: 'BucketInOtherRegion',
  TemporaryRedirect: 'BucketInOtherRegion',
  ConditionalWriteIgnored: 'BucketUnsuitable',
  MetadataMissing: 'BucketUnsuitable',
  NotImplemented: 'BucketUnsuitable',
  CredentialsProviderError: 'CredentialsMissing',
  InvalidAccessKeyId: 'CredentialsRefused',
  SignatureDoesNotMatch: 'CredentialsRefused',
  ExpiredToken: 'CredentialsRefused',
  InvalidToken: 'CredentialsRefused',
}

/** Codes of Node's network errors and of certificates that it does not take, and the SDK's own for a request that got no answer. */
const NETWORK =
  /^(E[A-Z]{3,}|TimeoutError|NetworkingError|RequestTimeout|HTTP 50[234]|(EAI|UND_ERR|HPE|ERR_(SSL|TLS|SOCKET)|CERT)_\w+|[A-Z_]*_(CERT|CERT_LOCALLY|CERT_IN_CHAIN|LEAF_SIGNATURE)|AuthoritiesMissing|ERR_INVALID_URL)$/

/** Groups, topics, partitions and brokers, which may be called after anything: the default group has `connect` in its name. */
const KAFKA_NAMES = /\b(group|topic|of) [^\s(]\S*|\S+-\d+\S*|\S+:\d+:?/g

/** What may be the cause is no word on what happened: a broker that goes down, or a proxy before it, ends connections in the same way. */
const KAFKA_HINTS = /; it may expect [^)]*/g

/** The first pattern that fits decides. */
const OF_KAFKA_WORDS: readonly (readonly [RegExp, FailureReason])[] = [
  [/^Kafka topic does not exist|UNKNOWN_TOPIC_OR_PARTITION|INVALID_TOPIC_EXCEPTION/, 'TopicNotFound'],
  [/the token endpoint .*(cannot be reached|answers 5\d\d)/, 'KafkaUnreachable'],
  [/SASL|authentication/i, 'KafkaCredentialsRefused'],
  [/AUTHORIZATION_FAILED/, 'KafkaAccessDenied'],
  [
    /\b(E[A-Z]{4,}|(EAI|ERR_(SSL|TLS|SOCKET)|CERT)_\w+)\b|[Tt]imed? ?out|[Cc]onnect|[Ss]ocket|[Nn]o answer|certificate|\bTLS\b/,
    'KafkaUnreachable',
  ],
]

export function failureReasonOf(error: string): FailureReason {
  const s3Code = /^S3 ([^:]+):/.exec(error)?.[1]
  if (s3Code !== undefined) return OF_S3_CODE[s3Code] ?? (NETWORK.test(s3Code) ? 'S3Unreachable' : 'S3Failed')
  // Before the others, as its topic may be called after anything.
  if (/^\S+ partition \d+ is stopped: /.test(error)) return 'PartitionStopped'
  if (!error.startsWith('Kafka')) return 'SinkFailed'
  return kafkaReasonOf(error.replaceAll(KAFKA_HINTS, '').replaceAll(KAFKA_NAMES, '$1'))
}

function kafkaReasonOf(error: string): FailureReason {
  return OF_KAFKA_WORDS.find(([words]) => words.test(error))?.[1] ?? 'KafkaFailed'
}
