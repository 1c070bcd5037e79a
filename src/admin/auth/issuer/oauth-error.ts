/** The codes of RFC 6749 §5.2 and RFC 7009 §2.2.1 that this issuer answers with, and their HTTP status. */
const STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} as const

/** An error as `{error, error_description}`. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: keyof typeof STATUS
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  /** @param description printable ASCII without `"` and `\` (RFC 6749 §5.2); holds nothing that was sent */
  constructor(
    code: keyof typeof STATUS,
    description: string,
    options: { status?: number; headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(description, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = options.status ?? STATUS[code]
    this.headers = {
      ...(code === 'invalid_client' ? { 'www-authenticate': 'Basic realm="iam"' } : {}),
      ...options.headers,
    }
  }

  get body(): { error: string; error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}
