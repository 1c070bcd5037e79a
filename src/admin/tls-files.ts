import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'

/** The kubelet brings a renewed Secret within a minute or two. */
const LOOK_EVERY_MS = 30_000

export interface TlsMaterial {
  readonly cert: string
  readonly key: string
}

/** Certificate and key of the server, in files that may be replaced while it runs. */
export class TlsFiles {
  readonly #certFile: string
  readonly #keyFile: string
  #last: TlsMaterial | undefined

  constructor({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }) {
    this.#certFile = certFile
    this.#keyFile = keyFile
  }

  /** @throws Error that names the file that is missing, is no PEM, or is not the other's */
  read(): TlsMaterial {
    const cert = contentOf('tls.certFile', this.#certFile)
    const key = contentOf('tls.keyFile', this.#keyFile)
    const certificate = parsed('tls.certFile', this.#certFile, 'a certificate in PEM', () => new X509Certificate(cert))
    const allowed = 'a private key in PEM, without a passphrase'
    const privateKey = parsed('tls.keyFile', this.#keyFile, allowed, () => createPrivateKey(key))
    if (!certificate.checkPrivateKey(privateKey)) {
      throw new Error(
        `tls.keyFile: ${this.#keyFile} is not allowed: must hold the key of the certificate in ${this.#certFile}`,
      )
    }
    this.#last = { cert, key }
    return this.#last
  }

  /** What the files hold, unless it is what was read last. @throws Error as `read` */
  readRenewed(): TlsMaterial | undefined {
    const last = this.#last
    const read = this.read()
    return read.cert === last?.cert && read.key === last.key ? undefined : read
  }
}

/** Gives new connections the certificate of the day, until `signal` aborts. One that does not fit its key is not taken. */
export async function followTls(
  files: TlsFiles,
  app: FastifyInstance,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(clock, LOOK_EVERY_MS, signal)
    if (signal.aborted) return
    try {
      const renewed = files.readRenewed()
      if (renewed === undefined) continue
      ;(app.server as unknown as Server).setSecureContext(renewed)
      logger.info('the renewed certificate is in use')
    } catch (error) {
      logger.error({ error: describeError(error) }, 'the renewed certificate cannot be used, the old one goes on')
    }
  }
}

function contentOf(field: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`${field}: ${path} cannot be read`, { cause: error })
  }
}

/** Without OpenSSL's words, such as "no start line": they help nobody. */
function parsed<T>(field: string, path: string, allowed: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new Error(`${field}: ${path} is not allowed: must hold ${allowed}`)
  }
}
