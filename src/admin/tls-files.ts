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

  constructor({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }) {
    this.#certFile = certFile
    this.#keyFile = keyFile
  }

  read(): TlsMaterial {
    return { cert: readFileSync(this.#certFile, 'utf8'), key: readFileSync(this.#keyFile, 'utf8') }
  }
}

/** Gives new connections the certificate of the day, until `signal` aborts. One that does not fit its key is not taken. */
export async function followTls(
  files: TlsFiles,
  app: FastifyInstance,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  let current = files.read()
  for (;;) {
    await sleep(clock, LOOK_EVERY_MS, signal)
    if (signal.aborted) return
    try {
      const read = files.read()
      if (read.cert === current.cert && read.key === current.key) continue
      ;(app.server as unknown as Server).setSecureContext(read)
      current = read
      logger.info('the renewed certificate is in use')
    } catch (error) {
      logger.error({ error: describeError(error) }, 'the renewed certificate cannot be used, the old one goes on')
    }
  }
}
