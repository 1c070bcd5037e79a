import { X509Certificate } from 'node:crypto'
import { Agent, type AgentOptions } from 'node:https'
import { createSecureContext, type SecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import { CA_FILE } from '../contract/names.ts'
import { describeError } from '../lib/errors.ts'
import { SecretFiles } from './secret-files.ts'

const FIELD = 'config.tls.caSecretRef'

/** The authorities that an S3 endpoint is trusted by, from a mounted file: those of a new file hold for connections that open from then on. */
export class S3Authorities {
  readonly #files: SecretFiles
  #last: { readonly pem: string; readonly context: SecureContext } | null = null

  constructor(dir: string) {
    this.#files = new SecretFiles(dir)
  }

  /** @throws Error with code AuthoritiesMissing that names the field */
  async context(): Promise<SecureContext> {
    const pem = await this.#files.read(CA_FILE, FIELD).catch((error: unknown) => {
      throw missing(describeError(error))
    })
    if (this.#last?.pem !== pem) this.#last = { pem, context: contextOf(pem) }
    return this.#last.context
  }
}

/** Node.js takes a text without a certificate for no authorities at all, and every server would seem to be the culprit. */
function contextOf(pem: string): SecureContext {
  try {
    new X509Certificate(pem)
    return createSecureContext({ ca: pem })
  } catch {
    throw missing(`what the Secret of spec.${FIELD} has for ${CA_FILE} is no certificate (PEM)`)
  }
}

function missing(message: string): Error {
  return Object.assign(new Error(message), { code: 'AuthoritiesMissing' })
}

/** A session that is resumed is not verified again, so none is kept: connections are, and few are opened. */
const NO_SESSIONS = { maxCachedSessions: 0 }

/** Connections of the AWS SDK. */
export class TrustingAgent extends Agent {
  readonly #authorities: S3Authorities

  constructor(authorities: S3Authorities, options: AgentOptions) {
    super({ ...options, ...NO_SESSIONS })
    this.#authorities = authorities
  }

  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>): undefined {
    const failed = callback as ((error: Error) => void) | undefined
    this.#authorities.context().then((secureContext) => {
      const socket = super.createConnection({ ...options, secureContext } as typeof options)
      if (socket) callback?.(null, socket)
    }, failed)
  }
}

/** Connections of undici. */
export function trustingConnector(authorities: S3Authorities, timeoutMs: number): buildConnector.connector {
  return (options, callback) => {
    authorities.context().then(
      (secureContext) => buildConnector({ timeout: timeoutMs, secureContext, ...NO_SESSIONS })(options, callback),
      (error: Error) => callback(error, null),
    )
  }
}
