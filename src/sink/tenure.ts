import { describeError } from '../lib/errors.ts'
import type { Beginning } from './assignment.ts'
import type { BufferOwner, ByteBudget } from './byte-budget.ts'
import { encodeMark, markOf } from './commit-metadata.ts'
import { type ClosedSet, Delivery, type DeliveryParts, whereOf } from './delivery.ts'
import { type FlushReason, sizeFlushReason } from './flush-policy.ts'
import { OpenSet, type OpenSetParts } from './open-set.ts'
import {
  type LogRange,
  type PartitionHandler,
  PartitionStoppedError,
  type RecordBatch,
  type RevocationReason,
  type Tenure,
  TenureLostError,
} from './record-source.ts'
import { Replay } from './replay.ts'
import type { RecordSet } from './set.ts'
import { beyondTheEnd, replacedAfterDelivery } from './stop-reasons.ts'

export interface TenureParts extends DeliveryParts, OpenSetParts {
  /** Called when the partition goes while something promised of it is not written, or may not be: its next owner finishes that. */
  readonly unfinished: () => void
  readonly budget: ByteBudget
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
  /** Null once its set is closed, or where nothing was promised. */
  #replay: Replay | null
  /** Without a set until the first batch has said where `earliest` or `latest` is. */
  readonly #open: OpenSet
  readonly #delivery: Delivery

  constructor(tenure: Tenure, beginning: Beginning, parts: TenureParts) {
    this.#tenure = tenure
    this.#parts = parts
    this.#delivery = new Delivery(tenure, this.#committing.signal, parts, {
      next: () => this.#next(),
      released: () => parts.budget.released(),
      failed: (error) => this.#fail(error),
    })
    this.#open = new OpenSet(tenure, parts, (reason) => void this.#close(reason))
    this.startAt = beginning.kind === 'stop' ? 'latest' : beginning.from
    this.#replay = beginning.kind === 'replay' ? new Replay(beginning.intent) : null
    parts.budget.add(this)
    if (beginning.kind === 'stop') this.#stop(beginning.error)
    else if (beginning.kind === 'replay') this.#open.begin(beginning.from, beginning.plan)
    else if (typeof beginning.from === 'bigint') this.#open.begin(beginning.from)
  }

  get promisedTo(): bigint | null {
    return this.#replay?.intent.endOffset ?? null
  }

  get openBytes(): number {
    return this.#open.set?.allocatedBytes ?? 0
  }

  get inFlightBytes(): number {
    return this.#delivery.allocatedBytes
  }

  get canFlush(): boolean {
    return this.#replay === null && !this.#delivery.isBusy && this.#isReading
  }

  get isReplaying(): boolean {
    return this.#replay !== null && this.#isReading
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
    // Changes only while something is awaited, which happens for next to no record.
    let isReading = this.#isReading
    for (let record = batch.next(); record !== null; record = batch.next()) {
      if (this.#open.set === null && isReading) {
        await this.#anchor(record.offset)
        isReading = this.#isReading
      }
      if (this.#replay?.isOverAt(record.offset)) {
        await this.#closeReplay()
        isReading = this.#isReading
      }
      const { set } = this.#open
      if (set === null || !isReading) break
      set.add(record, nowMs)
      stats.read++
      const reason = this.#replay === null ? sizeFlushReason(limits, set) : null
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
      if (this.#replay === null) await this.#close(reason)
      await this.#delivery.idle()
      if (this.#replay !== null || this.#committing.signal.aborted) this.#parts.unfinished()
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
    if (this.#replay) this.#replay.isPartial = true
    if (this.#replay && !this.#replay.isOverAt(log.startOffset))
      this.#open.set?.advanceTo(log.startOffset, this.#parts.clock.now())
    else await this.#goOnFrom(log.startOffset)
    return this.#isReading ? log.startOffset : null
  }

  async truncated(position: bigint, keptTo: bigint): Promise<bigint | null> {
    await this.#delivery.idle()
    const { set } = this.#open
    if (set === null || !this.#isReading) return null
    if (keptTo < set.startOffset) {
      this.#stop(replacedAfterDelivery(keptTo, position))
      return null
    }
    // Nothing of it was promised: what Kafka has now is read instead.
    this.#logOffsets(
      keptTo,
      position,
      `Kafka has lost offsets ${keptTo} to ${position - 1n}, which were read and not delivered yet (an unclean leader election): what it has there now is read`,
    )
    this.#forgetOpenSet()
    this.#open.begin(set.startOffset, set.plan)
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

  /** Finishes what was read before a gap in the log, and commits where the gap ends, so that it is not reported again. */
  async #goOnFrom(offset: bigint): Promise<void> {
    if (this.#replay === null) await this.#close('expired')
    else await this.#closeReplay()
    await this.#delivery.idle()
    if (this.#isReading) await this.#anchor(offset)
  }

  #reportLost(from: bigint, to: bigint): void {
    const { topic, partition } = this.#tenure
    this.#parts.stats.lost.add({ topic, partition, from, to, atMs: this.#parts.clock.now() })
    this.#logOffsets(
      from,
      to,
      `offsets ${from} to ${to - 1n} expired in Kafka before they were delivered: reading goes on behind them`,
    )
  }

  #logOffsets(from: bigint, to: bigint, what: string): void {
    const { topic, partition } = this.#tenure
    this.#parts.logger.error({ topic, partition, from: String(from), to: String(to) }, what)
  }

  /** Commits where reading begins, and begins a set there. */
  async #anchor(from: bigint): Promise<void> {
    try {
      // At once: after a restart both `earliest` and `latest` may be somewhere else, and what expired or came in between
      // would be passed over without a word.
      await this.#tenure.commit(from, encodeMark(markOf(this.#tenure, this.#parts.plan.epoch)))
      if (this.#isReading) this.#open.begin(from)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #endOfBatch(nextOffset: bigint): Promise<void> {
    if (this.#open.set === null && this.#isReading) await this.#anchor(nextOffset)
    if (this.#replay?.isOverAt(nextOffset)) await this.#closeReplay()
    if (this.#open.set !== null && this.#isReading) {
      this.#open.set.advanceTo(nextOffset, this.#parts.clock.now())
      if (this.#replay === null) this.#open.armTimer()
      await this.#parts.budget.room(this, this.#reading.signal)
    }
    // The reader lets go of its batch then: kept, it would be memory that the other partitions cannot be read into.
    if (this.#committing.signal.aborted && !this.#reading.signal.aborted) throw new PartitionStoppedError()
  }

  /** Closes the set that is open now, as soon as the one before it is written; nothing if somebody else has closed it by then. */
  async #close(reason: FlushReason): Promise<void> {
    const { set } = this.#open
    this.#open.ask(reason)
    while (this.#delivery.isBusy && set === this.#open.set) await this.#delivery.turn()
    if (set !== this.#open.set) return
    const closed = this.#next()
    if (closed) this.#delivery.start(closed)
  }

  /** The set that is due, for the delivery that has written the one before. */
  #next(): ClosedSet | null {
    const cut = this.#committing.signal.aborted ? null : this.#open.cutIfDue()
    return cut && this.#closed(cut.set, cut.due.reason, cut.due.atMs)
  }

  #closed(set: RecordSet, reason: FlushReason, dueAtMs: number, replay: Replay | null = null): ClosedSet {
    this.#parts.stats.setClosed(reason)
    const [isPromised, isPartial] = [replay !== null, replay?.isPartial === true]
    return { set, objects: set.objects(), reason, isPromised, isPartial, dueAtMs }
  }

  async #closeReplay(): Promise<void> {
    const [set, replay] = [this.#open.set, this.#replay]
    if (set === null || replay === null || !this.#isReading) return
    const { endOffset, reason, revision } = replay.intent
    set.advanceTo(endOffset, this.#parts.clock.now())
    const closed = this.#closed(set, reason, this.#parts.clock.elapsed(), replay)
    const difference = replay.difference(set, closed.objects, this.#tenure)
    if (difference !== null) return this.#stop(difference)
    this.#parts.logger.info({ ...whereOf(set), revision }, 'finishing the set of an earlier owner')
    this.#replay = null
    this.#open.begin(endOffset)
    this.#delivery.start(closed)
  }

  #fail(error: unknown): void {
    if (this.#committing.signal.aborted) return
    if (error instanceof TenureLostError) this.#committing.abort(error)
    else this.#stop(describeError(error))
  }

  /** Going on could lose or duplicate records. Keeps hold of the partition, so that nobody else runs into the same. */
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
    this.#open.forget()
    // A replay may have held up others, and they would wait for its write, which never comes.
    this.#parts.budget.released()
  }
}
