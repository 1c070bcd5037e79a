import {
  isOverQuota,
  isRefusal,
  isRightMissing,
  isUnavailable,
  isWebhookFailure,
  KubeApiError,
  OVER_QUOTA,
} from '../kube/errors.ts'
import { ApiError } from './api-error.ts'
import { MAX_BODY_BYTES } from './json-body.ts'

/** A caller may try again after this. */
const RETRY_AFTER_SECONDS = 1

/**
 * What a caller is told of any error. What is not meant for callers becomes a 500 without a word about it; its `cause` is for
 * the log.
 */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof KubeApiError) return fromKubernetes(error)
  return fromFramework(error) ?? new ApiError('internal', 'the server failed; its log says why', { cause: error })
}

function fromKubernetes(error: KubeApiError): ApiError {
  if (isOverQuota(error)) {
    // Without the request: a caller knows no paths of the cluster.
    const words = error.message.slice(error.message.indexOf(OVER_QUOTA))
    return new ApiError('quotaExceeded', `the cluster refuses it: ${firstLine(words)}`, { cause: error })
  }
  if (isOfTheObject(error)) {
    return new ApiError('validation', `the cluster refuses it: ${firstLine(error.message)}`, { cause: error })
  }
  if (error.status === 409)
    return new ApiError('conflict', 'another editor was faster: read it again, then edit', { cause: error })
  if (isUnavailable(error)) {
    const seconds = Math.ceil((error.retryAfterMs ?? RETRY_AFTER_SECONDS * 1000) / 1000)
    return new ApiError('unavailable', `${silentPart(error)} does not answer; try again`, {
      headers: { 'retry-after': String(seconds) },
      cause: error,
    })
  }
  return new ApiError('internal', 'the server failed; its log says why', { cause: error })
}

/** An admission policy or webhook of the cluster, or a rule that only it can check. A webhook denies with whatever HTTP status it has chosen. */
function isOfTheObject(error: unknown): boolean {
  return !isRightMissing(error) && isRefusal(error) && ![405, 413, 415].includes(error.status)
}

/** Who does not answer: Kubernetes, or an admission webhook, which it names. */
function silentPart(error: KubeApiError): string {
  const webhook = isWebhookFailure(error) ? /webhook "[^"]*"/.exec(error.message)?.[0] : undefined
  return webhook === undefined ? 'Kubernetes' : `the cluster's admission ${webhook}`
}

/** Errors that fastify makes before a handler is reached. Source: "Errors", Fastify documentation. */
function fromFramework(error: unknown): ApiError | undefined {
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError('bodyTooLarge', `the body is too large: must have at most ${MAX_BODY_BYTES} bytes`)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError('unsupportedMediaType', 'the Content-Type is not allowed: must be application/json')
    case 'FST_ERR_BAD_URL':
      return new ApiError('malformedRequest', 'the URL is malformed')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ApiError('malformedRequest', 'the URL is malformed: a part of its path is too long')
    default:
      return statusCode === 400 ? new ApiError('malformedRequest', 'the request is malformed') : undefined
  }
}

function firstLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 500)
}
