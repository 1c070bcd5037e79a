import { S3ServiceException } from '@aws-sdk/client-s3'
import { describeError } from '../lib/errors.ts'

/** What an operation was aimed at: part of every message about it. */
export interface BucketPlace {
  readonly bucketName: string
  readonly region: string
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
  'AuthorizationHeaderMalformed',
  'CredentialsProviderError',
  'EntityTooLarge',
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
  'MethodNotAllowed',
  'NoSuchBucket',
  'NotImplemented',
  'PermanentRedirect',
  'SignatureDoesNotMatch',
])

/** What to do about it, where the code alone does not say so. */
const HINTS: Readonly<Record<string, string>> = {
  AuthorizationHeaderMalformed: 'the bucket is probably in another region',
  InvalidAccessKeyId: 'the access key id is unknown',
  InvalidArgument:
    'the server does not take something that is asked for with each object, such as serverSideEncryption',
  InvalidRequest:
    'the server does not take something that is sent with each object: perhaps it needs requestChecksumCalculation: when_required',
  InvalidStorageClass: 'the server does not know the storageClass',
  InvalidToken: 'the session token is wrong',
  'KMS.DisabledException': 'the KMS key is disabled',
  'KMS.InvalidKeyUsageException': 'the KMS key is not one for encryption',
  'KMS.KMSInvalidStateException': 'the KMS key is about to be deleted or not ready',
  'KMS.NotFoundException': 'there is no such KMS key in the bucket’s region',
  NotImplemented:
    'the server does not know something that is asked for: perhaps it needs requestChecksumCalculation: when_required',
  PermanentRedirect: 'the bucket is in another region',
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
  SignatureDoesNotMatch: 'the secret access key is wrong',
}

/** Any thrown value of the SDK as an S3Error: the one place that decides what kind of failure it is. */
export function s3Error(error: unknown, operation: string, place: BucketPlace): S3Error {
  const code = codeOf(error)
  const isAnswer = error instanceof S3ServiceException
  const hint = HINTS[code] ?? (isAnswer ? regionHint(error) : describeError(error))
  const where = `${operation} on bucket ${place.bucketName} (${place.region})`
  return new S3Error(
    code,
    NEEDS_PERSON.has(code) ? 'person' : 'passing',
    `S3 ${code}: ${where}${hint ? `: ${hint}` : ''}`,
    isAnswer,
  )
}

/** Answers to HEAD have no body, so the SDK knows only their status. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  403: 'AccessDenied',
  503: 'SlowDown',
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError'
  if (error instanceof S3ServiceException) {
    const status = error.$metadata.httpStatusCode ?? 0
    const named = error.name !== 'Unknown' && error.name !== 'UnknownError' && !/^\d+$/.test(error.name)
    return named && error.name !== 'Forbidden' ? error.name : (CODE_OF_STATUS[status] ?? `HTTP ${status}`)
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

function regionHint(error: S3ServiceException): string {
  const region = error.$response?.headers['x-amz-bucket-region']
  return error.$metadata.httpStatusCode === 301 && region ? `the bucket is in region ${region}` : ''
}
