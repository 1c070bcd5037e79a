import type { Clock } from '../../lib/clock.ts'
import { ApiError } from '../api-error.ts'
import { type AccessToken, type KeySource, TokenRefused, verifyAccessToken } from './access-token.ts'
import type { Action, Authenticator, Caller } from './authenticator.ts'
import { bearerToken, unauthorized } from './bearer.ts'
import { isGranted, type Permission } from './permissions.ts'

export interface TokenAuthenticatorOptions {
  readonly issuer: string
  readonly keys: KeySource
  /** @throws Error when nobody can tell */
  readonly isRevoked: (token: AccessToken) => Promise<boolean>
  /** The permissions of a token's roles. Absent: roles allow nothing. @throws Error when they cannot be looked up */
  readonly permissionsOfRoles?: (token: AccessToken) => Promise<readonly Permission[]>
  readonly clock: Pick<Clock, 'now'>
}

/** Callers with an access token: a JWT of one issuer. */
export class TokenAuthenticator implements Authenticator {
  readonly #options: TokenAuthenticatorOptions

  constructor(options: TokenAuthenticatorOptions) {
    this.#options = options
  }

  async authenticate(authorization: string | undefined): Promise<Caller> {
    const token = await this.#verified(bearerToken(authorization))
    if (await available('the revocation list', this.#options.isRevoked(token))) {
      throw unauthorized('the token has been revoked')
    }
    return {
      subject: token.userId ?? token.clientId ?? 'unknown',
      allows: (resource, action) => this.#allows(token, resource, action),
    }
  }

  async #verified(token: string): Promise<AccessToken> {
    const { issuer, clock, keys } = this.#options
    const source: KeySource = { keyOf: (kid) => available('the keys of the token issuer', keys.keyOf(kid)) }
    try {
      return await verifyAccessToken(token, { issuer, keys: source, nowMs: clock.now() })
    } catch (error) {
      throw error instanceof TokenRefused ? unauthorized(error.message) : error
    }
  }

  async #allows(token: AccessToken, resource: string, action: Action): Promise<boolean> {
    if (isGranted(token.permissions, resource, action)) return true
    const { permissionsOfRoles } = this.#options
    if (permissionsOfRoles === undefined || token.roles.length === 0) return false
    return isGranted(await available('the roles of the token', permissionsOfRoles(token)), resource, action)
  }
}

/** @throws ApiError 503 in place of whatever went wrong, which is for the log, not for the caller */
async function available<T>(what: string, question: Promise<T>): Promise<T> {
  try {
    return await question
  } catch (cause) {
    throw new ApiError('unavailable', `${what} cannot be read at the moment`, { cause })
  }
}
