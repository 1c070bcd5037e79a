import { describeError } from '../lib/errors.ts'
import type { Beginning } from './assignment.ts'
import type { BufferOwner, ByteBudget } from './byte-budget.ts'
import { encodeMark, type Intent, markOf } from './commit-metadata.ts'
import { type ClosedSet, Delivery, type DeliveryParts, whereOf } from './delivery.ts'
import { type FlushLimits, type FlushReason, sizeFlushReason } from './flush-policy.ts'
import { FlushTimer } from './flush-timer.ts'
import {
  type LogRange,
  type PartitionHandler,
  PartitionStoppedError,
  type RecordBatch,
  type RevocationReason,
  type Tenure,
  TenureLostError,
} from './record-source.ts'
import { RecordSet, setChecksum } from './set.ts'
import type { SlabPool } from './slab-pool.ts'
import { beyondTheEnd, replacedAfterDelivery, replacedAfterPromise, replayDiffers } from './stop-reasons.ts'

export interface TenureParts extends DeliveryParts {
  /** The partition goes, and something that was promised of it is not written, or may not be: its next owner finishes that. */
  readonly unfinished: () => void
  readonly limits: FlushLimits
  readonly budget: ByteBudget
  readonly slabs: SlabPool
}

/**
 * One partition from assignment to revocation: reads into an open set, closes it, and makes it durable by the protocol
 * (intent, objects, final commit) while reading goes on. One closed set is in flight at most; the next is closed only
 * after it.
 *
 * It is replaying until its predecessor's set is closed, accumulating afterwards. `#reading` ends when the partition is
 * given up; `#committing` ends when nothing may be written or committed any more: the tenure was lost, its time to
 * finish ran out, or it stopped because only a person can say how to go on.
 */
export class PartitionTenure implements PartitionHandler, BufferOwner {
  readonly startAt: bigint | 'earliest' | 'latest'
  readonly #parts: TenureParts
  readonly #tenure: Tenure
  readonly #reading = new AbortController()
  readonly #committing = new AbortController()
  #replaying: Intent | null
  /** Null until the first batch has said where `earliest` or `latest` is. */
  #open: RecordSet | null = null
  /** Why the open set is to be closed as soon as the one before it is written. */
  #due: FlushReason | null = null
  /** When the open set was to be closed first, by `Clock.elapsed`; null while nothing asks for it. */
  #dueAtMs: number | null = null
  /** Whether records of the set that is being replayed have expired. */
  #isPartial = false
  readonly #delivery: Delivery
  readonly #timer: FlushTimer

  constructor(tenure: Tenure, beginning: Beginning, parts: TenureParts) {
    this.#tenure = tenure
    this.#parts = parts
    this.#delivery = new Delivery(tenure, this.#committing.signal, parts, {
      next: () => this.#next(),
      released: () => parts.budget.released(),
      failed: (error) => this.#fail(error),
    })
    this.#timer = new FlushTimer(parts, (reason) => void this.#close(reason))
    this.startAt = beginning.kind === 'stop' ? 'latest' : beginning.from
    this.#replaying = beginning.kind === 'replay' ? beginning.intent : null
    parts.budget.add(this)
    if (beginning.kind === 'stop') this.#stop(beginning.error)
    else if (beginning.kind === 'replay') this.#open = this.#newSet(beginning.from, beginning.plan)
    else if (typeof beginning.from === 'bigint') this.#open = this.#newSet(beginning.from)
  }

  get openBytes(): number {
    return this.#open?.allocatedBytes ?? 0
  }

  get inFlightBytes(): number {
    return this.#delivery.allocatedBytes
  }

  get canFlush(): boolean {
    return this.#replaying === null && !this.#delivery.isBusy && this.#isReading
  }

  get isReplaying(): boolean {
    return this.#replaying !== null && this.#isReading
  }

  get isAwaited(): boolean {
    return this.#parts.budget.isAwaited(this)
  }

  flushForMemory(): void {
    const { stats, budget, logger } = this.#parts
    if (stats.flushes.get('memory') === 0)
      logger.warn(
        { bufferBytes: budget.limitBytes },
        'the memory for records is full: sets are closed before they reach flushSize, flushMemory or flushInterval. Told once; see flushes_total',
      )
    void this.#close('memory')
  }

  async records(batch: RecordBatch): Promise<void> {
    const { clock, limits, stats } = this.#parts
    let nowMs = clock.now()
    // Changes only while something is awaited, which next to no record needs.
    let isReading = this.#isReading
    for (let record = batch.next(); record !== null; record = batch.next()) {
      if (this.#open === null && isReading) {
        await this.#anchor(record.offset)
        isReading = this.#isReading
      }
      if (this.#replaying !== null && record.offset >= this.#replaying.endOffset) {
        await this.#closeReplay()
        isReading = this.#isReading
      }
      if (this.#open === null || !isReading) break
      this.#open.add(record, nowMs)
      stats.read++
      const reason = this.#replaying === null ? sizeFlushReason(limits, this.#open) : null
      if (reason === null) continue
      await this.#close(reason)
      nowMs = clock.now()
      isReading = this.#isReading
    }
    await this.#endOfBatch(batch.nextOffset)
  }

  async revoked(reason: RevocationReason, deadline: AbortSignal): Promise<void> {
    const timeIsUp = () => this.#committing.abort(new Error('the time to finish ran out'))
    if (deadline.aborted) timeIsUp()
    deadline.addEventListener('abort', timeIsUp, { once: true })
    this.#reading.abort()
    try {
      // A set that is being replayed stays as it is: it can be closed at its intent's end only.
      if (this.#replaying === null) await this.#close(reason)
      await this.#delivery.idle()
      if (this.#replaying !== null || this.#committing.signal.aborted) this.#parts.unfinished()
    } finally {
      deadline.removeEventListener('abort', timeIsUp)
      this.#end()
    }
  }

  async outOfRange(position: bigint, log: LogRange): Promise<bigint | null> {
    if (position >= log.startOffset) {
      this.#stop(beyondTheEnd(position, log))
      return null
    }
    this.#reportLost(position, log.startOffset)
    this.#isPartial = this.#replaying !== null
    if (this.#replaying && log.startOffset < this.#replaying.endOffset)
      this.#open?.advanceTo(log.startOffset, this.#parts.clock.now())
    else await this.#goOnFrom(log.startOffset)
    return this.#isReading ? log.startOffset : null
  }

  async truncated(position: bigint, keptTo: bigint): Promise<bigint | null> {
    await this.#delivery.idle()
    const set = this.#open
    if (set === null || !this.#isReading) return null
    if (keptTo < set.startOffset) {
      this.#stop(replacedAfterDelivery(keptTo, position))
      return null
    }
    // Nothing of it was promised: what Kafka has now is read instead.
    const { topic, partition } = this.#tenure
    this.#parts.logger.error(
      { topic, partition, from: String(keptTo), to: String(position) },
      `Kafka has lost offsets ${keptTo} to ${position - 1n}, which were read and not delivered yet (an unclean leader election): what it has there now is read`,
    )
    this.#forgetOpenSet()
    this.#due = null
    this.#dueAtMs = null
    this.#open = this.#newSet(set.startOffset, set.plan)
    return set.startOffset
  }

  lost(): void {
    this.#parts.unfinished()
    this.#committing.abort(new TenureLostError('the partition has another owner'))
    this.#end()
  }

  get #isReading(): boolean {
    return !this.#reading.signal.aborted && !this.#committing.signal.aborted
  }

  /** Finishes what was read before a gap in the log, and holds on to where it ends: it is not to be reported again. */
  async #goOnFrom(offset: bigint): Promise<void> {
    if (this.#replaying === null) await this.#close('expired')
    else await this.#closeReplay()
    await this.#delivery.idle()
    if (this.#isReading && (await this.#commitOrFail(offset))) this.#open = this.#newSet(offset)
  }

  #reportLost(from: bigint, to: bigint): void {
    const { topic, partition } = this.#tenure
    this.#parts.stats.lost.add({ topic, partition, from, to, atMs: this.#parts.clock.now() })
    const where = { topic, partition, from: String(from), to: String(to) }
    this.#parts.logger.error(
      where,
      `offsets ${from} to ${to - 1n} expired in Kafka before they were delivered: reading goes on behind them`,
    )
  }

  /** Fixes the start of a partition that the group never committed. */
  async #anchor(from: bigint): Promise<void> {
    // Committed at once: after a restart both `earliest` and `latest` may be somewhere else, and what expired or came in
    // between would be passed over without a word.
    if (await this.#commitOrFail(from)) this.#open = this.#newSet(from)
  }

  async #commitOrFail(offset: bigint): Promise<boolean> {
    try {
      await this.#tenure.commit(offset, encodeMark(markOf(this.#tenure, this.#parts.plan.epoch)))
      return this.#isReading
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  async #endOfBatch(nextOffset: bigint): Promise<void> {
    if (this.#open === null && this.#isReading) await this.#anchor(nextOffset)
    if (this.#replaying !== null && nextOffset >= this.#replaying.endOffset) await this.#closeReplay()
    if (this.#open !== null && this.#isReading) {
      this.#open.advanceTo(nextOffset, this.#parts.clock.now())
      if (this.#replaying === null) this.#timer.arm(this.#open)
      await this.#parts.budget.room(this, this.#reading.signal)
    }
    // A batch that is held on to would be memory that the other partitions cannot be read into.
    if (this.#committing.signal.aborted && !this.#reading.signal.aborted) throw new PartitionStoppedError()
  }

  #newSet(startOffset: bigint, plan = this.#parts.plan): RecordSet {
    const { topic, partition } = this.#tenure
    return new RecordSet(plan, topic, partition, startOffset, this.#parts.slabs)
  }

  /** Closes the set that is open now, as soon as the one before it is written; nothing if somebody else has closed it by then. */
  async #close(reason: FlushReason): Promise<void> {
    const set = this.#open
    this.#dueAtMs ??= this.#parts.clock.elapsed()
    while (this.#delivery.isBusy && set === this.#open) {
      this.#due ??= reason
      await this.#delivery.turn()
    }
    if (set !== this.#open) return
    if (this.#isClosable) this.#delivery.start(this.#cut(reason))
    else this.#dueAtMs = null
  }

  /** The next set, for the delivery that has written the one before. */
  #next(): ClosedSet | null {
    return this.#due !== null && this.#isClosable ? this.#cut(this.#due) : null
  }

  get #isClosable(): boolean {
    return this.#open !== null && !this.#open.isUntouched && !this.#committing.signal.aborted
  }

  #cut(reason: FlushReason): ClosedSet {
    const set = this.#open as RecordSet
    this.#timer.disarm()
    this.#due = null
    const dueAtMs = this.#dueAtMs ?? this.#parts.clock.elapsed()
    this.#dueAtMs = null
    this.#open = this.#newSet(set.endOffset)
    return this.#closed(set, reason, dueAtMs)
  }

  #closed(set: RecordSet, reason: FlushReason, dueAtMs: number, isPromised = false): ClosedSet {
    this.#parts.stats.setClosed(reason)
    return { set, objects: set.objects(), reason, isPromised, isPartial: this.#isPartial, dueAtMs }
  }

  async #closeReplay(): Promise<void> {
    const [set, intent] = [this.#open, this.#replaying]
    if (set === null || intent === null || !this.#isReading) return
    set.advanceTo(intent.endOffset, this.#parts.clock.now())
    const closed = this.#closed(set, intent.reason, this.#parts.clock.elapsed(), true)
    const checksum = setChecksum(closed.objects)
    if (checksum !== intent.checksum && !this.#isPartial) return this.#stop(replayDiffers(set, intent, checksum))
    // A whole set is compared in full, and what ended it (a marker, a filtered record) may have been compacted away since.
    const epochNow = this.#isPartial ? this.#tenure.leaderEpochBefore(intent.endOffset) : null
    if (intent.leaderEpoch !== undefined && epochNow !== null && epochNow !== intent.leaderEpoch)
      return this.#stop(replacedAfterPromise(set, intent.leaderEpoch, epochNow))
    this.#parts.logger.info({ ...whereOf(set), revision: intent.revision }, 'finishing the set of an earlier owner')
    this.#replaying = null
    this.#isPartial = false
    this.#open = this.#newSet(intent.endOffset)
    this.#delivery.start(closed)
  }

  #fail(error: unknown): void {
    if (this.#committing.signal.aborted) return
    if (error instanceof TenureLostError) this.#committing.abort(error)
    else this.#stop(describeError(error))
  }

  /** Going on could lose or double records. Holds the partition, so that nobody else runs into the same. */
  #stop(why: string): void {
    const { topic, partition } = this.#tenure
    this.#committing.abort(new Error(why))
    this.#forgetOpenSet()
    this.#parts.logger.error({ topic, partition, error: why }, 'partition stopped: a person must look')
    this.#parts.problem(`${topic} partition ${partition} is stopped: ${why}`)
  }

  #end(): void {
    this.#reading.abort()
    this.#committing.abort(new TenureLostError('the tenure is over'))
    this.#forgetOpenSet()
    this.#parts.budget.remove(this)
    this.#parts.problem(null)
  }

  #forgetOpenSet(): void {
    this.#timer.disarm()
    if (this.#open !== null) this.#parts.stats.setAbandoned(this.#open.counts)
    this.#open?.release()
    this.#open = null
    // A replay may have held up others: nothing of it will be written, which would wake them.
    this.#parts.budget.released()
  }
}
