import { S3ServiceException } from '@aws-sdk/client-s3'
import { describeError } from '../lib/errors.ts'
import { type AnswerDetails, hintForAnswer, hintWithoutAnswer } from './s3-hints.ts'

/** What an operation was aimed at: part of every message about it. */
export interface BucketPlace {
  readonly bucketName: string
  readonly region: string
  readonly endpoint?: string | undefined
  /** Whether it is asked for. */
  readonly serverSideEncryption?: object | undefined
  readonly requestChecksumCalculation?: string | undefined
}

/**
 * `passing`: S3 or the network will recover by themselves. `person`: nothing changes until somebody changes the bucket,
 * its policy, the credentials or the configuration. Both are retried for ever, as the person's fix needs no restart;
 * the difference is how soon `status` says FAILED.
 */
export type S3ErrorKind = 'passing' | 'person'

/** A failed S3 call in one line that a person can act on. Holds no credential and nothing that the server quoted back. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  /** The code of the S3 error reference, or of the network error (`ECONNREFUSED`). */
  readonly code: string
  readonly kind: S3ErrorKind
  /** Whether the server has said so; otherwise the connection was lost, or nothing was sent. */
  readonly isAnswer: boolean

  constructor(code: string, kind: S3ErrorKind, message: string, isAnswer = true) {
    super(message)
    this.code = code
    this.kind = kind
    this.isAnswer = isAnswer
  }
}

/**
 * Errors that last until a person acts. Everything else is passing: 5xx, SlowDown and throttling by KMS, conflicts
 * (ConditionalRequestConflict, OperationAborted), uploads that a lifecycle rule removed (NoSuchUpload: the object is
 * written again), timeouts, connections, and credentials that have just expired (ExpiredToken, TokenRefreshRequired,
 * RequestTimeTooSkewed after a pause), as the next attempt has new ones. Source: "Error responses", Amazon S3 API
 * Reference; "Errors" of KMS's GenerateDataKey, which S3 passes on as `KMS.<code>`.
 */
const NEEDS_PERSON = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'AccountProblem',
  'AuthoritiesMissing',
  'AuthorizationHeaderMalformed',
  'CERT_HAS_EXPIRED',
  'CredentialsProviderError',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_INVALID_URL',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'EntityTooLarge',
  'HTTP 413',
  'IllegalLocationConstraintException',
  'InvalidAccessKeyId',
  'InvalidArgument',
  'InvalidBucketName',
  'InvalidObjectState',
  'InvalidRequest',
  'InvalidStorageClass',
  'InvalidToken',
  'KMS.DisabledException',
  'KMS.InvalidKeyUsageException',
  'KMS.KMSInvalidStateException',
  'KMS.NotFoundException',
  'KeyTooLongError',
  'kms:KeyNotFound',
  'kms:NotAuthorized',
  'MethodNotAllowed',
  'NoSuchBucket',
  'NotImplemented',
  'PermanentRedirect',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'SignatureDoesNotMatch',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Any thrown value of the SDK as an S3Error: the one place that decides what kind of failure it is. */
export function s3Error(error: unknown, operation: string, place: BucketPlace): S3Error {
  const code = codeOf(error)
  const isAnswer = error instanceof S3ServiceException || unreadStatusOf(error) !== null
  const hint = isAnswer
    ? hintForAnswer(code, operation, detailsOf(error as Partial<S3ServiceException>), place)
    : hintWithoutAnswer(code, described(error), place.endpoint)
  const where = `${operation} on bucket ${place.bucketName} (${place.region})`
  return new S3Error(
    code,
    NEEDS_PERSON.has(code) ? 'person' : 'passing',
    `S3 ${code}: ${where}${hint ? `: ${hint}` : ''}`,
    isAnswer,
  )
}

interface SdkAnswer {
  readonly $metadata: { readonly httpStatusCode?: number }
}

/**
 * Passes an answer on if it has what S3 says in each answer of its kind. A proxy on the way may answer 200 to everything, and of a completion
 * that has failed the SDK may not see that.
 *
 * @throws Error that `s3Error` knows
 */
export function telling<K extends string>(field: K) {
  return <T extends SdkAnswer & { readonly [F in K]?: string | undefined }>(
    answer: T,
  ): T & { readonly [F in K]: string } => {
    if (answer[field] === undefined) throw notOfS3({ statusCode: answer.$metadata.httpStatusCode, headers: {} })
    return answer as T & { readonly [F in K]: string }
  }
}

/** For an answer whose status says nothing, as it did not come from S3. */
export function notOfS3($response: { readonly statusCode: number | undefined; readonly headers: object }): Error {
  return Object.assign(new Error('the answer is not one of S3'), { $response })
}

/** Of what OpenSSL says, with places in its code, only the reason. */
function described(error: unknown): string {
  const text = describeError(error)
  return /:SSL routines:\w*:([^:]+):/.exec(text)?.[1] ?? text
}

/** Answers to HEAD have no body, so the SDK knows only their status. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  403: 'AccessDenied',
  503: 'SlowDown',
}

/** How AWS says that a key id is empty or has a slash in it, as where it was mixed up with the secret; by the code alone the region would be wrong. */
const NO_KEY_ID = /the Credential is mal-formed|Access Key \(AKID\)/

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError'
  if (error instanceof S3ServiceException) {
    if (error.name === 'AuthorizationHeaderMalformed' && NO_KEY_ID.test(error.message)) return 'InvalidAccessKeyId'
    const status = error.$metadata.httpStatusCode ?? 0
    const named = error.name !== 'Unknown' && error.name !== 'UnknownError' && !/^\d+$/.test(error.name)
    return named && error.name !== 'Forbidden' ? error.name : (CODE_OF_STATUS[status] ?? `HTTP ${status}`)
  }
  const unread = unreadStatusOf(error)
  if (unread !== null) return `HTTP ${unread}`
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** AWS tells the bucket's region by a header, in answers to HEAD too, or in the body, where the SDK makes a field of it. */
function detailsOf(error: Partial<S3ServiceException>): AnswerDetails {
  const told = error.$response?.headers['x-amz-bucket-region'] ?? ('Region' in error ? error.Region : undefined)
  return { region: typeof told === 'string' ? told : '', message: error.message ?? '' }
}

/** Status of an answer that the SDK could not make sense of, as of a server that is no S3 server. */
function unreadStatusOf(error: unknown): number | null {
  if (!(error instanceof Error && '$response' in error)) return null
  const { statusCode } = error.$response as { readonly statusCode?: number }
  return statusCode ?? null
}
