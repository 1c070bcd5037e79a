import { OAuthError } from './oauth-error.ts'

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i
/** Longer ones are nobody's. */
const MAX_LENGTH = 256

export interface Credentials {
  readonly clientId: string
  readonly secret: string
}

/**
 * Id and secret of an Authorization header (RFC 7617). RFC 6749 §2.3.1 wants both form-encoded first, which changes
 * nothing in those that this issuer makes.
 *
 * @throws OAuthError
 */
export function basicCredentials(authorization: string | undefined): Credentials {
  const encoded = authorization === undefined ? undefined : BASIC.exec(authorization)?.[1]
  if (encoded === undefined) {
    throw new OAuthError('invalid_client', 'send client id and secret by HTTP Basic authentication')
  }
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 1 || text.length > MAX_LENGTH) throw wrongClient()
  return { clientId: text.slice(0, colon), secret: text.slice(colon + 1) }
}

/** The same words for an unknown client and a wrong secret. */
export function wrongClient(): OAuthError {
  return new OAuthError('invalid_client', 'client id or secret is wrong')
}

/**
 * A parameter of the form that must be there once (RFC 6749 §3.2: none may be repeated).
 * @throws OAuthError
 */
export function requiredParameter(form: URLSearchParams, name: string): string {
  if (new Set(form.keys()).size < form.size) throw new OAuthError('invalid_request', 'a parameter is given twice')
  if (form.has('client_secret')) {
    throw new OAuthError('invalid_request', 'send client id and secret by HTTP Basic authentication, not in the form')
  }
  const value = form.get(name)
  if (value === null || value === '') throw new OAuthError('invalid_request', `${name} is missing`)
  return value
}
