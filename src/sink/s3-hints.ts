/** What to do about a failed S3 call, where its code alone does not say so: each names the field of the resource that can be wrong. */

const CREDENTIALS = 'see spec.config.credentialsSecretRef'
const KEY = 'see spec.config.serverSideEncryption.kmsKeyId'
const CHECKSUMS = 'perhaps it needs spec.config.requestChecksumCalculation: when_required'
const NO_CHECKSUMS =
  'the server does not know the checksum that goes with each object: it needs spec.config.requestChecksumCalculation: when_required'
const NO_CONDITIONS = 'perhaps it has no conditional writes (If-None-Match: *), without which nothing is delivered'
const UNTRUSTED =
  'its certificate is not signed by an authority that is trusted: name its own by spec.config.tls.caSecretRef'
const NOT_S3 = 'the answer is not one of S3: see spec.config.endpoint, its http:// or https:// and its port'
const WANTS_TLS = 'the server may expect https://: see spec.config.endpoint'
const NO_TLS = 'the server may not speak TLS: see spec.config.endpoint, which begins with https://'

/** Source: "Error responses", Amazon S3 API Reference; "Errors" of KMS's GenerateDataKey. */
const ANSWERS: Readonly<Record<string, string>> = {
  EntityTooLarge: 'the server does not take objects of this size: see spec.config.flushMemory',
  ExpiredToken: `the session token has expired: one that a role gives is renewed by itself, for another ${CREDENTIALS}`,
  'HTTP 413': 'a proxy on the way does not take bodies of this size: see its limit, and spec.config.flushMemory',
  InvalidAccessKeyId: `the access key id is unknown: ${CREDENTIALS}`,
  InvalidArgument:
    'the server does not take something that is asked for with each object, such as spec.config.serverSideEncryption',
  InvalidRequest: `the server does not take something that is sent with each object: ${CHECKSUMS}`,
  InvalidStorageClass: 'the server does not know spec.config.storageClass',
  InvalidToken: `the session token is wrong: ${CREDENTIALS}`,
  'KMS.DisabledException': `the KMS key is disabled: ${KEY}`,
  'KMS.InvalidKeyUsageException': `the KMS key is not one for encryption: ${KEY}`,
  'KMS.KMSInvalidStateException': `the KMS key is about to be deleted or not ready: ${KEY}`,
  'KMS.NotFoundException': `there is no such KMS key in the bucket’s region: ${KEY}`,
  // MinIO's own codes.
  'kms:KeyNotFound': `there is no such KMS key on the server: ${KEY}`,
  'kms:NotAuthorized': `the server may not use the KMS key: ${KEY}`,
  MethodNotAllowed: 'the server does not take the request: perhaps it is no S3 server, see spec.config.endpoint',
  NoSuchBucket: 'there is no such bucket: see spec.config.bucketName',
  NotFound: NOT_S3,
  RequestTimeTooSkewed: 'the clock of this machine is wrong by more than 15 minutes',
  SignatureDoesNotMatch: `the secret access key is wrong: ${CREDENTIALS}`,
  SlowDown: 'too many requests for now, which passes by itself',
}

/** Of those, what is meant where checksums are switched off already. Source: "PutObject", Amazon S3 API Reference. */
const WITHOUT_CHECKSUMS: Readonly<Record<string, string>> = {
  InvalidRequest:
    'the server does not take the request: perhaps it wants a checksum, as for Object Lock: leave out spec.config.requestChecksumCalculation',
}

/** Codes of Node.js and of the SDK, for which there was no answer. Beside them stands what the system says. */
const NO_ANSWERS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the server’s certificate has expired',
  CredentialsProviderError:
    'see spec.config.credentialsSecretRef, spec.config.assumeRole, or the role of spec.serviceAccountName',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  ENOTFOUND:
    'there is no such host: see spec.config.endpoint, and spec.config.forcePathStyle where the bucket is no subdomain of it',
  EPROTO: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_INVALID_URL:
    'see spec.config.endpoint: its port must be at most 65535, and what looks like an IP address must be one',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the server’s certificate is for another name: see spec.config.endpoint',
  HPE_INVALID_CONSTANT: WANTS_TLS,
  HTTPParserError: WANTS_TLS,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
}

/** Operations that ask for encryption. */
const BEGINS_OBJECT = new Set(['PutObject', 'CreateMultipartUpload'])
/** Operations that ask for nothing to be there. */
const CREATES_OBJECT = new Set(['PutObject', 'CompleteMultipartUpload'])
/** Codes for a header that is not known, which the message may name: Cloudflare's R2 and Backblaze's B2 did so with checksums. */
const REFUSES_HEADER = new Set(['InvalidArgument', 'NotImplemented'])

/** Codes by which AWS says that the bucket is elsewhere. */
const ELSEWHERE = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
  'TemporaryRedirect',
])

/** The permission that an operation needs. Source: "Required permissions for Amazon S3 API operations". */
const ACTIONS: Readonly<Record<string, string>> = {
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  HeadObject: 's3:GetObject and s3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  ListObjectsV2: 's3:ListBucket',
}

/** What was asked for, as far as an answer can be about it. */
export interface Asked {
  readonly region: string
  readonly serverSideEncryption?: object | undefined
  readonly requestChecksumCalculation?: string | undefined
}

/** What S3 answered, as far as it says more than its code. */
export interface AnswerDetails {
  /** Where the bucket is. */
  readonly region: string
  /** Quotes who asked: only looked into, never passed on. */
  readonly message: string
}

/** @returns '' where there is nothing to add to the code */
export function hintForAnswer(
  code: string,
  operation: string,
  { region, message }: AnswerDetails,
  { region: ours, serverSideEncryption, requestChecksumCalculation }: Asked,
): string {
  const hasChecksums = requestChecksumCalculation !== 'when_required'
  const isElsewhere = /^[a-z0-9-]{1,40}$/.test(region) && region !== ours
  if (isElsewhere || ELSEWHERE.has(code))
    return `the bucket is in ${isElsewhere ? `region ${region}` : 'another region'}: see spec.config.region`
  if (hasChecksums && REFUSES_HEADER.has(code) && /x-amz-(sdk-)?checksum/.test(message)) return NO_CHECKSUMS
  if (code === 'NotImplemented') return notKnownHint(operation, serverSideEncryption !== undefined, hasChecksums)
  if (!hasChecksums && WITHOUT_CHECKSUMS[code] !== undefined) return WITHOUT_CHECKSUMS[code]
  return code === 'AccessDenied'
    ? deniedHint(operation, message)
    : (ANSWERS[code] ?? (/^HTTP [234]/.test(code) ? NOT_S3 : ''))
}

/** Which header it is that the server does not know, it need not say. */
function notKnownHint(operation: string, hasEncryption: boolean, hasChecksums: boolean): string {
  const perhaps = [
    ...(CREATES_OBJECT.has(operation) ? [NO_CONDITIONS] : []),
    ...(hasEncryption && BEGINS_OBJECT.has(operation)
      ? ['perhaps it has no keys for spec.config.serverSideEncryption']
      : []),
    ...(hasChecksums ? [CHECKSUMS] : []),
  ]
  return ['the server does not know something that is asked for', perhaps.join(', or ')].filter(Boolean).join(': ')
}

/** By the default endpoint, whose host is made of bucket and region. */
const NO_HOST_OF_AWS = 'there is no such host: see spec.config.region'
/** A server that expects TLS ends a connection that begins otherwise without a word. */
const CLOSED = new Set(['ECONNRESET', 'UND_ERR_SOCKET'])

/**
 * @param described what the system says, or we: then it names the field already
 * @param endpoint as configured
 */
export function hintWithoutAnswer(code: string, described: string, endpoint = ''): string {
  const hint = hintAtEndpoint(code, endpoint)
  return hint === undefined || described.includes('spec.') ? described : `${described}: ${hint}`
}

function hintAtEndpoint(code: string, endpoint: string): string | undefined {
  if (code === 'ENOTFOUND' && endpoint === '') return NO_HOST_OF_AWS
  if (CLOSED.has(code) && endpoint.startsWith('http:')) return WANTS_TLS
  return NO_ANSWERS[code]
}

function deniedHint(operation: string, message: string): string {
  const ofKey = /not authorized to perform: (kms:[A-Za-z]{1,40})\b/.exec(message)?.[1]
  if (ofKey !== undefined) return `${ofKey} must be allowed by the policy of the KMS key: ${KEY}`
  const action = ACTIONS[operation] ?? 's3:PutObject'
  return `${action} must be allowed to the sink’s role or user, and where the bucket is another account’s by the bucket’s policy too`
}
