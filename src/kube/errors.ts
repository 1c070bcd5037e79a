/** The body that the API server answers errors with (meta/v1 Status). */
interface Status {
  reason?: string
  message?: string
  details?: { retryAfterSeconds?: number; causes?: { reason?: string }[] }
}

/**
 * A request that the API server refused, or that did not get an answer (`status` 0, reason `Unreachable`).
 * `reason` is the server's word (`NotFound`, `Conflict`, `Expired`, …), `retryAfterMs` what it asked for, a minute at most.
 */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError'
  readonly status: number
  readonly reason: string
  readonly retryAfterMs: number | undefined
  /** The server's words for what is behind the reason, such as `NamespaceTerminating`. */
  readonly causes: readonly string[]

  constructor(
    status: number,
    reason: string,
    message: string,
    options: { retryAfterMs?: number; causes?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.status = status
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.causes = options.causes ?? []
  }
}

/** Longest that is waited at a server's word: a proxy in its place asks for an hour, or a day, and the server is back in a minute. */
const MAX_RETRY_AFTER_MS = 60_000

/** Reads an error answer; a body that is no Status (a proxy's page) becomes the message as it is, cut to a line. */
export function errorFromResponse(request: string, status: number, body: string, retryAfter?: string): KubeApiError {
  const parsed = parseStatus(body)
  const seconds = Number(retryAfter ?? parsed.details?.retryAfterSeconds)
  const message = parsed.message ?? body.slice(0, 200).replace(/\s+/g, ' ')
  return new KubeApiError(status, parsed.reason ?? `Http${status}`, `${request}: ${message || `HTTP ${status}`}`, {
    causes: parsed.details?.causes?.flatMap(({ reason: each }) => each ?? []) ?? [],
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) } : {}),
  })
}

function parseStatus(body: string): Status {
  try {
    const value: unknown = JSON.parse(body)
    return value !== null && typeof value === 'object' ? value : {}
  } catch {
    return {}
  }
}

/** The server no longer has the history that was asked for: list again. It says so as 410 Gone, reason Expired or Gone. */
export function isExpired(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 410
}

/** Somebody else changed (or made) the object first: read it again, then decide again. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 409
}

/** What server-side apply says, with status 500, of a field that has the wrong type or that nobody knows (structured-merge-diff). */
const UNTYPED = 'failed to create typed patch object'

/** What an admission plugin says, with status 403, of a server that has just started (apiserver/pkg/admission, handler.go and its users). */
const NOT_READY = 'not yet ready to handle request'

/** What it says of an admission webhook that does not want the object, with the HTTP status that this has chosen: many choose 500 for their own errors. */
const DENIED = /admission webhook "[^"]*" denied the request/

/**
 * The server understood the request and does not want it: asking again changes nothing until a person does.
 * 400, 422 and a 500 of server-side apply: the object; 403: permission, quota or an admission policy; any: an admission webhook.
 */
export function isRefusal(error: unknown): error is KubeApiError {
  if (!(error instanceof KubeApiError) || error.message.includes(NOT_READY)) return false
  const { status, message } = error
  return [400, 403, 405, 413, 415, 422].includes(status) || message.includes(UNTYPED) || DENIED.test(message)
}

/** No answer, too much to do, not yet ready, or the server's own trouble: the same request may do later. */
export function isUnavailable(error: unknown): error is KubeApiError {
  if (!(error instanceof KubeApiError)) return false
  const { status, message } = error
  return status === 0 || status === 429 || status >= 500 || message.includes(NOT_READY)
}

/** The authorizer's words (forbiddenMessage of apiserver/pkg/endpoints/handlers/responsewriters): quotas and admission policies answer 403 with others. */
const NO_RIGHT = /: User "[^"]*" cannot \w+ resource "/

/** Whether the asking account lacks the right, as the server sees it: one that has just started has not read the roles, and so grants none. */
export function isRightMissing(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 403 && NO_RIGHT.test(error.message)
}

/** The words of the admission plugin that counts (apiserver/pkg/admission/plugin/resourcequota). */
export const OVER_QUOTA = 'exceeded quota: '

/** The namespace may not have more of something; the message says which quota it is, and of what. */
export function isOverQuota(error: unknown): boolean {
  return error instanceof KubeApiError && error.status === 403 && error.message.includes(OVER_QUOTA)
}

/** What the API server says, with status 500, when an admission webhook hangs, is not there, or errs, and must not be left out. */
const NO_VERDICT = 'failed calling webhook'

/** The server could not find out whether it may take the object: a person must see to the webhook, and asking again may hang again. */
export function isWebhookFailure(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 500 && error.message.includes(NO_VERDICT)
}

/**
 * The server erred, or ran out of time: for a moment, or each time, as where the patch of an admission webhook does not fit the object, or several
 * hang one after another that may be left out.
 */
export function isInternalError(error: unknown): error is KubeApiError {
  const isOwn = error instanceof KubeApiError && (error.status === 500 || error.status === 504)
  return isOwn && !isRefusal(error) && !isWebhookFailure(error)
}

/** Nothing can be made in a namespace that is being deleted; what is in it goes without anybody's help. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof KubeApiError && error.causes.includes('NamespaceTerminating')
}
