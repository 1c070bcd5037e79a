import { ApiError } from '../api-error.ts'

/** `token68` of RFC 9110 §11.2 after the scheme, which is case-insensitive. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/** The token of an Authorization header. @throws ApiError 401 that says what to send */
export function bearerToken(authorization: string | undefined): string {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
  if (token !== undefined) return token
  throw unauthorized(
    authorization === undefined
      ? 'send an access token: Authorization: Bearer <token>'
      : 'the Authorization header is not "Bearer <token>"',
    authorization === undefined ? 'Bearer' : 'Bearer error="invalid_request"',
  )
}

/** @param reason for the caller; with nothing of the token in it */
export function unauthorized(reason: string, challenge = 'Bearer error="invalid_token"'): ApiError {
  // RFC 6750 §3: the challenge says what kind of proof is missing or wrong.
  return new ApiError('unauthorized', reason, { headers: { 'www-authenticate': challenge } })
}
