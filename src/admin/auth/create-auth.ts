import type { KubeApi } from '../../kube/api.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Authenticator } from './authenticator.ts'
import { unauthorized } from './bearer.ts'
import type { AuthConfig } from './config.ts'
import { iamAuthenticator } from './iam-authenticator.ts'
import { Issuer } from './issuer/issuer.ts'
import { dispatchByIssuer } from './issuer-dispatch.ts'
import { KubernetesAuthenticator } from './kubernetes-authenticator.ts'
import { openAuthenticator } from './open-authenticator.ts'

export interface AuthOptions {
  /** `off`: everybody may do everything (`--insecure-no-auth`). */
  readonly config: AuthConfig | 'off'
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>
  /** Namespace of the admin service, where the built-in issuer's Secrets are. */
  readonly ownNamespace: string
  /** What is in `iam.clientSecretFile` by now. */
  readonly iamClientSecret?: () => string
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
  readonly logger: Logger
}

export interface Auth {
  readonly authenticator: Authenticator
  /** Set where the configuration has `builtIn`; its routes are to be served (issuer/routes.ts). */
  readonly issuer?: Issuer
  close(): Promise<void>
}

/** Whoever tells callers apart, as the configuration says. */
export function createAuth(options: AuthOptions): Auth {
  const { config, logger } = options
  if (config === 'off') return { authenticator: openAuthenticator(logger), close: async () => {} }
  const byIssuer = new Map<string, Authenticator>()
  const iam = config.iam && iamAuthenticator({ ...options, config: config.iam, clientSecret: options.iamClientSecret })
  if (iam !== undefined && config.iam !== undefined) byIssuer.set(config.iam.issuer, iam.authenticator)
  const issuer = config.builtIn && new Issuer({ ...options, namespace: options.ownNamespace, config: config.builtIn })
  if (issuer !== undefined && config.builtIn !== undefined) byIssuer.set(config.builtIn.issuer, issuer.authenticator())
  return {
    authenticator: dispatchByIssuer(byIssuer, ofOtherIssuers(options, config)),
    ...(issuer === undefined ? {} : { issuer }),
    close: async () => iam?.close(),
  }
}

function ofOtherIssuers({ api, clock }: AuthOptions, { kubernetes }: AuthConfig): Authenticator {
  if (kubernetes === undefined) {
    return { authenticate: () => Promise.reject(unauthorized('the token is from another issuer')) }
  }
  const { audiences } = kubernetes
  return new KubernetesAuthenticator({ api, clock, ...(audiences === undefined ? {} : { audiences }) })
}
