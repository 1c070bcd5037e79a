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
  readonly logger: Logger
}

/**
 * Uploads in parts that earlier owners of a set have begun and not completed: invisible, and billed until they are aborted.
 *
 * They are looked for when the set is final. From then on nobody needs an upload under its keys, whoever began it: an earlier
 * owner that is still at work will find the objects in place, and cannot commit. So it need not be known whose they are.
 * Two permissions are needed that the connector does not ask for; without them it is the bucket's lifecycle rule that aborts them.
 */
export class OrphanedUploads {
  readonly #parts: OrphanedUploadsParts
  #isPermitted = true

  constructor(parts: OrphanedUploadsParts) {
    this.#parts = parts
  }

  /** Of the objects of a final set. Delivery does not wait for it, and goes on whatever it comes to: never rejects. */
  async abort(objects: readonly Pick<SetObject, 'key' | 'sizeBytes'>[]): Promise<void> {
    for (const object of objects) if (this.#isPermitted) await this.#abort(object)
  }

  async #abort({ key, sizeBytes }: Pick<SetObject, 'key' | 'sizeBytes'>): Promise<void> {
    const { store, stats, logger } = this.#parts
    try {
      const aborted = await store.abortUploads(key, sizeBytes)
      stats.orphansFound('aborted', aborted)
      if (aborted > 0) logger.info({ key, aborted }, 'uploads of an earlier owner of the set aborted')
    } catch (error) {
      this.#isPermitted = !isDenied(error)
      stats.orphansFound(this.#isPermitted ? 'failed' : 'not_permitted', 1)
      logger.warn(
        { key, error: describeError(error) },
        'uploads of an earlier owner of the set may be left: the bucket needs a lifecycle rule that aborts incomplete uploads',
      )
    }
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'AccessDenied'
}
