import type { Clock } from '../../lib/clock.ts'
import { describeError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import type { IamConfig } from './config.ts'
import { IamService } from './iam-service.ts'
import { keysFrom, readKeySet } from './key-set.ts'
import { Refreshed } from './refreshed.ts'
import { isRevoked, readRevocationList } from './revocation-list.ts'
import { Roles } from './roles.ts'
import { TokenAuthenticator } from './token-authenticator.ts'

const MINUTE_MS = 60_000
/** How long the IAM service may be away before tokens are no longer accepted. */
const IAM_AWAY_MS = 60 * MINUTE_MS

export interface IamAuthenticatorOptions {
  readonly config: IamConfig
  /** Of the configured client, as it is by now. */
  readonly clientSecret: (() => string) | undefined
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
  readonly logger: Logger
}

/** Tokens of an IAM service: its keys, its revocation list, and its roles where tokens carry roles. */
export function iamAuthenticator({ config, clientSecret, clock, logger }: IamAuthenticatorOptions): {
  authenticator: TokenAuthenticator
  close: () => Promise<void>
} {
  const { url, issuer, clientId, rolePath } = config
  const client =
    clientId !== undefined && clientSecret !== undefined ? { id: clientId, secret: clientSecret } : undefined
  const service = new IamService({ url, clock, ...(client === undefined ? {} : { client }) })
  const kept = (freshMs: number, what: string) => ({
    freshMs,
    staleMs: IAM_AWAY_MS,
    retryMs: 5_000,
    clock,
    onError: (error: unknown) =>
      logger.warn(
        { what, error: describeError(error) },
        'the IAM service does not answer, going on with what it said last',
      ),
  })
  const keys = new Refreshed({
    ...kept(10 * MINUTE_MS, 'keys'),
    load: async () => readKeySet(await service.getPublic('/v3/oauth/jwks')),
  })
  const revocations = new Refreshed({
    ...kept(MINUTE_MS / 2, 'revocation list'),
    load: async () => readRevocationList(await service.getPublic('/v3/oauth/revocationlist')),
  })
  const roles = new Roles({ ...kept(MINUTE_MS, 'roles'), path: rolePath, get: (path) => service.getAsClient(path) })
  const authenticator = new TokenAuthenticator({
    issuer,
    keys: keysFrom(keys),
    isRevoked: async (token) => isRevoked(await revocations.get(), token),
    clock,
    ...(client === undefined ? {} : { permissionsOfRoles: (token) => roles.permissionsOf(token) }),
  })
  return { authenticator, close: () => service.close() }
}
