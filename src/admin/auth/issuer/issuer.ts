import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { KubeApi } from '../../../kube/api.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import { type AccessToken, ALGORITHM, TokenRefused, verifyAccessToken } from '../access-token.ts'
import type { BuiltInConfig } from '../config.ts'
import { toClaim } from '../permissions.ts'
import { TokenAuthenticator } from '../token-authenticator.ts'
import { Attempts } from './attempts.ts'
import { type Client, Clients } from './clients.ts'
import { OAuthError } from './oauth-error.ts'
import { Revocations } from './revocations.ts'
import { SigningKeys } from './signing-keys.ts'
import { basicCredentials, requiredParameter, wrongClient } from './token-request.ts'

/** Secrets of the built-in issuer, in the namespace of the admin service. */
export const ISSUER_SECRETS = {
  clients: 'analytics-connector-oauth-clients',
  keys: 'analytics-connector-oauth-keys',
  revocations: 'analytics-connector-oauth-revocations',
} as const
const SCOPE = 'analytics'
/** Secrets compared at the same time: each takes 16 MiB and a thread. */
const MAX_COMPARISONS = 16

export interface IssuerOptions {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>
  /** Namespace of the Secrets. */
  readonly namespace: string
  readonly config: BuiltInConfig
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
  readonly logger: Logger
}

/** A form that was posted to one of the issuer's endpoints. */
export interface FormRequest {
  readonly authorization: string | undefined
  readonly form: URLSearchParams
  /** IP address of who sent it. */
  readonly address: string
}

export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly scope: string
  readonly namespace: string
  readonly permissions: readonly { Resource: string; Action: number }[]
}

/** Issues tokens where no IAM service does: the endpoints of one that this API's guide uses, and no more. */
export class Issuer {
  readonly #options: IssuerOptions
  readonly #clients: Clients
  readonly #attempts: Attempts
  readonly keys: SigningKeys
  readonly revocations: Revocations
  #comparisons = 0

  constructor(options: IssuerOptions) {
    const { api, namespace, config, clock, logger } = options
    this.#options = options
    this.#clients = new Clients(api, { namespace, name: ISSUER_SECRETS.clients })
    this.#attempts = new Attempts(clock)
    const keySeconds = config.keyDays * 86_400
    this.keys = new SigningKeys({ api, ref: { namespace, name: ISSUER_SECRETS.keys }, keySeconds, clock, logger })
    this.revocations = new Revocations(api, { namespace, name: ISSUER_SECRETS.revocations }, { clock, logger })
  }

  /** Verifies the tokens that this issuer gave, in this or another replica. */
  authenticator(): TokenAuthenticator {
    return new TokenAuthenticator({
      issuer: this.#options.config.issuer,
      keys: this.keys,
      isRevoked: (token) => this.revocations.isRevoked(token),
      clock: this.#options.clock,
    })
  }

  /** RFC 6749 §4.4. @throws OAuthError */
  async token(request: FormRequest): Promise<TokenAnswer> {
    const grantType = requiredParameter(request.form, 'grant_type')
    if (grantType !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'grant_type must be client_credentials')
    }
    // Before the client is looked up: if it is deleted meanwhile, what voids its tokens must not be older than this one.
    const now = Math.floor(this.#options.clock.now() / 1000)
    const { id, permissions } = await this.#client(request)
    const claims = { namespace: '', permissions: toClaim(permissions) }
    const { issuer, tokenSeconds } = this.#options.config
    const { kid, key } = await this.keys.signer()
    const token = await new SignJWT({ ...claims, client_id: id, scope: SCOPE })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + tokenSeconds)
      .setJti(randomUUID())
      .sign(key)
    this.#options.logger.info({ clientId: id }, 'gave a token')
    return { access_token: token, token_type: 'Bearer', expires_in: tokenSeconds, scope: SCOPE, ...claims }
  }

  /** RFC 7009: a client may revoke its own tokens; one that is no token (any more) is revoked already. @throws OAuthError */
  async revoke(request: FormRequest): Promise<void> {
    const text = requiredParameter(request.form, 'token')
    const { id } = await this.#client(request)
    const token = await this.#ownToken(text)
    if (token === undefined) return
    if (token.clientId !== id) throw new OAuthError('unauthorized_client', 'the token was issued to another client')
    await this.revocations.revokeToken(token)
    this.#options.logger.info({ clientId: id, tokenId: token.tokenId }, 'revoked a token')
  }

  async #ownToken(text: string): Promise<AccessToken | undefined> {
    const { config, clock } = this.#options
    try {
      return await verifyAccessToken(text, { issuer: config.issuer, keys: this.keys, nowMs: clock.now() })
    } catch (error) {
      if (error instanceof TokenRefused) return undefined
      throw error
    }
  }

  /** Who sent the request. @throws OAuthError */
  async #client({ authorization, address }: FormRequest): Promise<Client> {
    const { clientId, secret } = basicCredentials(authorization)
    if (this.#comparisons >= MAX_COMPARISONS) throw tooMany(1, 503)
    const waitMs = this.#attempts.begin(clientId, address)
    if (waitMs > 0) throw tooMany(Math.ceil(waitMs / 1000), 429)
    const client = await this.#compare(clientId, secret).catch((error: unknown) => {
      this.#attempts.undecided(clientId, address)
      throw error
    })
    if (client === undefined) {
      this.#options.logger.warn({ address }, 'refused a client: unknown, or its secret is wrong')
      throw wrongClient()
    }
    this.#attempts.succeeded(clientId, address)
    return client
  }

  async #compare(clientId: string, secret: string): Promise<Client | undefined> {
    this.#comparisons++
    try {
      return await this.#clients.authenticate(clientId, secret)
    } finally {
      this.#comparisons--
    }
  }
}

function tooMany(seconds: number, status: number): OAuthError {
  return new OAuthError('temporarily_unavailable', `too many attempts, wait ${seconds} s`, {
    status,
    headers: { 'retry-after': String(seconds) },
  })
}
