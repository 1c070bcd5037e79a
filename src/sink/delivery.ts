import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { encodeIntent, encodeMark, type Intent, type Mark, markOf } from './commit-metadata.ts'
import type { FlushReason } from './flush-policy.ts'
import type { ObjectWriter } from './object-writer.ts'
import type { OrphanedUploads } from './orphaned-uploads.ts'
import type { Plan } from './plan.ts'
import type { Tenure } from './record-source.ts'
import { type RecordSet, type SetObject, setChecksum } from './set.ts'
import type { SinkStats } from './sink-stats.ts'

/** How long records take, seen when the end of their set is committed. */
export interface DeliveryTimings {
  /** @param flushMs since the set was to be closed; @param ageMs since the Kafka timestamp of its first record, null where it has none */
  delivered(flushMs: number, ageMs: number | null): void
}

export interface DeliveryParts {
  /** How new sets are written; a replay is written as its intent says. */
  readonly plan: Plan
  readonly writer: ObjectWriter
  readonly orphans: OrphanedUploads
  readonly stats: SinkStats
  readonly clock: Clock
  readonly logger: Logger
  readonly timings: DeliveryTimings
  /** What keeps this partition from being delivered, null when nothing does any more. */
  readonly problem: (error: string | null) => void
}

/** A set that takes no more records. */
export interface ClosedSet {
  readonly set: RecordSet
  readonly objects: readonly SetObject[]
  readonly reason: FlushReason
  /** Whether its intent is committed already: it was, by an earlier owner, for a set that is replayed. */
  readonly isPromised: boolean
  /** Whether some of its records have expired since they were promised. */
  readonly isPartial: boolean
  /** When it was to be closed, by `Clock.elapsed`: it may have waited for the set before it. */
  readonly dueAtMs: number
}

/** What a delivery asks its partition. */
export interface DeliverySource {
  /** Closes the next set if that is due, for its intent to go out with the end of the set before. */
  next(): ClosedSet | null
  /** Memory has become free. */
  released(): void
  failed(error: unknown): void
}

/**
 * The closed sets of one partition on their way into the bucket, one after the other: intent, objects, final commit, each
 * only after the one before. When a set is written and the next is due, one commit is the end of the one and the intent of the other.
 *
 * A set without objects (everything filtered) promises nothing: it moves the committed offset on, alone or with the next.
 */
export class Delivery {
  readonly #tenure: Tenure
  readonly #signal: AbortSignal
  readonly #parts: DeliveryParts
  readonly #source: DeliverySource
  /** Closed and not committed, oldest first. */
  #sets: ClosedSet[] = []
  #turn = Promise.withResolvers<void>()

  /** @param signal once aborted nothing is written or committed any more */
  constructor(tenure: Tenure, signal: AbortSignal, parts: DeliveryParts, source: DeliverySource) {
    this.#tenure = tenure
    this.#signal = signal
    this.#parts = parts
    this.#source = source
  }

  get isBusy(): boolean {
    return this.#sets.length > 0
  }

  get allocatedBytes(): number {
    return this.#sets.reduce((sum, { set }) => sum + set.allocatedBytes, 0)
  }

  /** Resolves when the next set may be closed: it was asked for, or none is on its way any more. */
  turn(): Promise<void> {
    return this.#turn.promise
  }

  /** Resolves when no set is on its way any more. */
  async idle(): Promise<void> {
    while (this.isBusy) await this.#turn.promise
  }

  /** To be called when it is not busy. What goes wrong is told to the source. */
  start(first: ClosedSet): void {
    this.#sets = [first]
    void this.#run(first).catch((error: unknown) => {
      for (const { set } of this.#sets) {
        this.#parts.stats.setAbandoned(set.counts)
        set.release()
      }
      this.#source.failed(error)
      this.#remaining([])
    })
  }

  /** @throws TenureLostError, ForeignObjectError, or the signal's reason; what is then left in `#sets` is not delivered, perhaps half written */
  async #run(first: ClosedSet): Promise<void> {
    if (first.objects.length > 0 && !first.isPromised) await this.#commit(first.set.startOffset, first)
    for (let current: ClosedSet | null = first; current; ) {
      const doubtful = await this.#write(current)
      current.set.release()
      this.#source.released()
      await this.#abortOrphans(doubtful)
      const next = this.#source.next()
      if (next) this.#sets.push(next)
      this.#nextTurn()
      if (!next || next.objects.length > 0) {
        await this.#commit(current.set.endOffset, next)
        this.#committed(next)
      }
      current = next
    }
  }

  /** @returns the objects of which somebody may have left an upload in parts */
  async #write({ set, objects, isPartial, isPromised }: ClosedSet): Promise<readonly SetObject[]> {
    const { writer, stats, problem } = this.#parts
    const objectCreated = (sizeBytes: number) => stats.objectCreated(sizeBytes)
    const retried = await writer.write({ set, objects, isPartial }, this.#signal, { objectCreated, problem })
    this.#signal.throwIfAborted()
    return isPromised ? objects : retried
  }

  async #abortOrphans(objects: readonly SetObject[]): Promise<void> {
    if (objects.length === 0) return
    await this.#parts.orphans.abort(objects, this.#signal)
    this.#signal.throwIfAborted()
  }

  async #commit(offset: bigint, promised: ClosedSet | null): Promise<void> {
    const mark = markOf(this.#tenure, this.#parts.plan.epoch)
    const metadata = promised === null ? encodeMark(mark) : encodeIntent(this.#intentFor(promised, mark))
    await this.#tenure.commit(offset, metadata)
  }

  #intentFor({ set, reason, objects }: ClosedSet, mark: Mark): Intent {
    return {
      endOffset: set.endOffset,
      revision: set.plan.revision,
      ...mark,
      objects: objects.length,
      records: set.counts.read - set.counts.filtered,
      checksum: setChecksum(objects),
      leaderEpoch: this.#tenure.leaderEpochBefore(set.endOffset) ?? undefined,
      reason,
    }
  }

  /** Every set before `next` is done. */
  #committed(next: ClosedSet | null): void {
    const { stats, clock, logger, timings } = this.#parts
    for (const closed of this.#sets) {
      if (closed === next) break
      const { set, reason, objects, dueAtMs } = closed
      const durationMs = clock.elapsed() - dueAtMs
      stats.setCommitted(set.counts, clock.now())
      timings.delivered(durationMs, set.firstTimestampMs === null ? null : clock.now() - set.firstTimestampMs)
      logger.debug({ ...whereOf(set), reason, objects: objects.length, durationMs }, 'set delivered')
    }
    this.#remaining(next ? [next] : [])
  }

  /** The others are done, or given up. Another delivery may begin in here. */
  #remaining(sets: ClosedSet[]): void {
    this.#sets = sets
    this.#nextTurn()
    this.#source.released()
  }

  #nextTurn(): void {
    this.#turn.resolve()
    this.#turn = Promise.withResolvers()
  }
}

/** A set's place in the log, for log lines. */
export function whereOf({ topic, partition, startOffset, endOffset, counts }: RecordSet) {
  return { topic, partition, from: String(startOffset), to: String(endOffset), records: counts.read }
}
