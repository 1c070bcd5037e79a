/** What an error code means, and the HTTP status that it comes with. */
interface ErrorKind {
  readonly errorCode: number
  readonly status: number
  /** When it is given, as docs/rest-api.md says it. */
  readonly meaning: string
}

/**
 * Every error of the REST API: the one table that the documentation is compared with. The 20000s are those of the published
 * service and its siblings, the 90000s are ours. Codes are never given a second meaning.
 */
export const API_ERRORS = {
  internal: {
    errorCode: 20000,
    status: 500,
    meaning: 'The server failed. The log has the cause under the request’s id.',
  },
  unauthorized: { errorCode: 20001, status: 401, meaning: 'No token, or one that is not valid (any more).' },
  validation: { errorCode: 20002, status: 400, meaning: 'A field is wrong; the message names it and what is allowed.' },
  forbidden: {
    errorCode: 20013,
    status: 403,
    meaning: 'The token is valid and lacks the permission that the message names.',
  },
  unparsableBody: {
    errorCode: 20019,
    status: 400,
    meaning: 'The body is not JSON, or JSON that is too deep to be meant.',
  },
  connectorNotFound: {
    errorCode: 90001,
    status: 404,
    meaning: 'There is no connector with this id, or none that this path may show.',
  },
  routeNotFound: { errorCode: 90002, status: 404, meaning: 'The API has no such path.' },
  methodNotAllowed: {
    errorCode: 90003,
    status: 405,
    meaning: 'The path exists, but not with this method; the Allow header lists those it has.',
  },
  bodyTooLarge: { errorCode: 90004, status: 413, meaning: 'The body is larger than 1 MiB.' },
  unsupportedMediaType: { errorCode: 90005, status: 415, meaning: 'The body’s Content-Type is not application/json.' },
  conflict: {
    errorCode: 90006,
    status: 409,
    meaning: 'The connector was changed by another editor meanwhile: read it again, then edit.',
  },
  fieldOwned: {
    errorCode: 90007,
    status: 409,
    meaning: 'Another field manager (kubectl, a GitOps tool) owns a field; the message names both.',
  },
  tooManyRequests: {
    errorCode: 90008,
    status: 429,
    meaning: 'The client’s rate limit is reached; the Retry-After header says for how long.',
  },
  malformedRequest: {
    errorCode: 90009,
    status: 400,
    meaning:
      'The request is not HTTP that the server can read: a broken URL or header (431: a head that is too large; 408: one that took too long).',
  },
  notConfigured: {
    errorCode: 90010,
    status: 501,
    meaning: 'The configuration of this install lacks what the call needs; the message names it.',
  },
  unavailable: {
    errorCode: 90011,
    status: 503,
    meaning: 'Kubernetes, Kafka or a service that tokens are checked with does not answer; try again.',
  },
  quotaExceeded: {
    errorCode: 90012,
    status: 403,
    meaning: 'A quota of the cluster allows no more connectors; the message names it.',
  },
} as const satisfies Record<string, ErrorKind>

export type ApiErrorName = keyof typeof API_ERRORS

/**
 * An error that a caller of the REST API gets, as `{errorCode, errorMessage}`. The message is for the caller: it names
 * what is wrong and what is allowed, and never holds a secret or a stack.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly errorCode: number
  readonly headers: Readonly<Record<string, string>>

  constructor(
    name: ApiErrorName,
    message: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    const { status, errorCode } = API_ERRORS[name]
    this.status = status
    this.errorCode = errorCode
    this.headers = options.headers ?? {}
  }

  get body(): { errorCode: number; errorMessage: string } {
    return { errorCode: this.errorCode, errorMessage: this.message }
  }
}
