import { type BackoffOptions, backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { ObjectStore } from './object-store.ts'
import { S3Error } from './s3-errors.ts'
import type { SetObject } from './set.ts'
import type { SinkStats } from './sink-stats.ts'

/** What became of the search for uploads of one object. */
export const ORPHAN_OUTCOMES = ['aborted', 'not_permitted', 'failed'] as const
export type OrphanOutcome = (typeof ORPHAN_OUTCOMES)[number]

export interface OrphanedUploadsParts {
  readonly store: ObjectStore
  readonly stats: SinkStats
  readonly clock: Clock
  readonly logger: Logger
}

const RETRY: BackoffOptions = { initialMs: 200, maxMs: 2_000 }
/** The final commit of the set waits meanwhile, no longer than this. */
const MOST_MS = 10_000
/** Nothing is tried again later: there is to be time for every object. */
const RETRIES_MS = 5_000
/** After a refusal nobody is asked for so long: each object would cost a call, and a permission is not given in a moment. */
const REFUSED_MS = 10 * 60_000

/**
 * Uploads in parts that were begun and not completed: by earlier owners of a set, or by this one where an answer got lost.
 * They are invisible, and billed until they are aborted.
 *
 * They are looked for when the objects of the set are there and its end is not committed yet. From then on nobody needs an
 * upload under its keys, whoever began it: who is still at work on it will find the objects in place. So it need not be known
 * whose they are. After the commit nobody would look again for what a sink that is killed at that moment leaves.
 * Two permissions are needed that the connector does not ask for; without them it is the bucket's lifecycle rule that aborts them.
 */
export class OrphanedUploads {
  readonly #parts: OrphanedUploadsParts
  /** By `Clock.elapsed`. */
  #refusedUntilMs = 0

  constructor(parts: OrphanedUploadsParts) {
    this.#parts = parts
  }

  /** Of objects that are there. Delivery waits for it, not long, and goes on whatever it comes to: never rejects. */
  async abort(objects: readonly Pick<SetObject, 'key' | 'sizeBytes'>[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const retriesUntilMs = clock.elapsed() + RETRIES_MS
    const tooLong = new AbortController()
    const cancel = clock.after(MOST_MS, () => tooLong.abort(new Error(`took longer than ${MOST_MS / 1000} s`)))
    const either = AbortSignal.any([signal, tooLong.signal])
    for (const object of objects)
      if (clock.elapsed() >= this.#refusedUntilMs && !signal.aborted)
        await this.#abort(object, retriesUntilMs, either, signal)
    cancel()
  }

  async #abort(
    { key, sizeBytes }: Pick<SetObject, 'key' | 'sizeBytes'>,
    retriesUntilMs: number,
    either: AbortSignal,
    signal: AbortSignal,
  ) {
    const { stats, clock, logger } = this.#parts
    try {
      const aborted = await this.#abortUploads(key, sizeBytes, retriesUntilMs, either)
      stats.orphansFound('aborted', aborted)
      if (aborted > 0) logger.info({ key, aborted }, 'uploads that were left of the set aborted')
    } catch (error) {
      if (signal.aborted) return
      if (isDenied(error)) this.#refusedUntilMs = clock.elapsed() + REFUSED_MS
      stats.orphansFound(isDenied(error) ? 'not_permitted' : 'failed', 1)
      logger.warn(
        { key, error: describeError(error) },
        'uploads may be left of the set: the bucket needs a lifecycle rule that aborts incomplete uploads',
      )
    }
  }

  async #abortUploads(key: string, sizeBytes: number, retriesUntilMs: number, signal: AbortSignal): Promise<number> {
    const { store, clock } = this.#parts
    signal.throwIfAborted()
    for (let failures = 0; ; failures++) {
      try {
        return await store.abortUploads(key, sizeBytes, signal)
      } catch (error) {
        if (signal.aborted || isDenied(error) || clock.elapsed() > retriesUntilMs) throw error
        await sleep(clock, backoffMs(failures, RETRY), signal)
      }
    }
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'AccessDenied'
}
