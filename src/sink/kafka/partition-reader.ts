import { backoffMs } from '../../lib/backoff.ts'
import type { PartitionHandler } from '../record-source.ts'
import { type EpochSpan, type LeaderEpochs, UNKNOWN_EPOCH } from './leader-epochs.ts'
import { decodeRecordSet, extentOf, type RecordSet, UnreadableBatchError } from './record-batch.ts'

/** Most bytes of a partition in one answer. A batch that is larger comes whole where it is the first of an answer (KIP-74). */
export const PARTITION_BYTES = 1024 * 1024

export interface PartitionReaderOptions {
  readonly topic: string
  readonly partition: number
  readonly startOffset: bigint
  readonly handler: Pick<PartitionHandler, 'records' | 'isAwaited'>
  readonly epochs: LeaderEpochs
  /**
   * What was read last is of this epoch, what comes next, at `position`, of `next`: how far the leader has the same as was read. Null
   * where it cannot tell. Does not reject.
   */
  readonly endOfEpoch: (last: EpochSpan, next: number, position: bigint) => Promise<bigint | null>
  /** The log does not hold this offset, and everything before it was handled: this reader reads no further. */
  readonly onOutOfRange: (position: bigint) => void
  /** Of what was read and handled before `position`, the log holds other records from `keptTo` on: this reader reads no further. */
  readonly onTruncated: (position: bigint, keptTo: bigint) => void
  /** The handler refused: the partition is not read any further. */
  readonly onFailed: (error: unknown) => void
  /** A batch cannot be read. It is fetched again and again, as another leader may have it whole; null when it was read. */
  readonly onUnreadable: (error: UnreadableBatchError | null) => void
}

/** Between two attempts to read the same batch: megabytes, which most often are the same. */
const UNREADABLE_BACKOFF = { initialMs: 1_000, maxMs: 60_000 }

interface Fetched {
  readonly set: RecordSet
  readonly from: bigint
  readonly epochs: readonly EpochSpan[]
  /** When it came. */
  readonly atMs: number
  readonly done: () => void
}

/**
 * Between the fetch loop and one handler: at most one record set is being handled and one waits, so the next one can be on
 * its way while the handler works, and a slow handler holds up only its own partition.
 */
export class PartitionReader {
  readonly topic: string
  readonly partition: number
  /** Next offset to fetch. */
  fetchOffset: bigint
  /** Most bytes to ask for. */
  fetchBytes = PARTITION_BYTES
  highWatermark: bigint | null = null
  /** Where the first open transaction begins, or the high watermark: nothing behind it is handed out yet. */
  lastStableOffset: bigint | null = null
  /** Errors in a row; not fetched before `notBeforeMs`. */
  failures = 0
  notBeforeMs = 0
  /** Since when a set has been waiting, so that nothing is fetched. */
  waitingSinceMs: number | null = null
  readonly #options: PartitionReaderOptions
  #handledOffset: bigint
  /** Attempts in a row to read one batch, and where it is. */
  #unreadable: { readonly offset: bigint; readonly times: number } | null = null
  #waiting: Fetched | null = null
  #working: Promise<void> | null = null
  #stopped = false
  #isOutOfRange = false

  constructor(options: PartitionReaderOptions) {
    this.#options = options
    this.topic = options.topic
    this.partition = options.partition
    this.fetchOffset = options.startOffset
    this.#handledOffset = options.startOffset
  }

  /** Nothing more is to be fetched. */
  get stopped(): boolean {
    return this.#stopped || this.#isOutOfRange
  }

  /** Records between what was handled and the high watermark; null until the first answer. */
  get lag(): number | null {
    return this.#upTo(this.highWatermark)
  }

  /** Of the lag, what can be read now. */
  get readable(): number | null {
    return this.#upTo(this.lastStableOffset)
  }

  /** Whether others may wait for what this one reads. */
  get isAwaited(): boolean {
    return this.#options.handler.isAwaited ?? false
  }

  /** Whether there is room for a record set. */
  get isIdle(): boolean {
    return !this.stopped && this.#waiting === null
  }

  wantsFetch(nowMs: number): boolean {
    return this.isIdle && nowMs >= this.notBeforeMs
  }

  /**
   * Takes what was fetched from `fetchOffset` on, and hands it out in order. To be called only when `isIdle`.
   * @param done called once, when the bytes of `set` are not needed any more
   */
  accept(set: RecordSet, nowMs: number, done: () => void): void {
    const from = this.fetchOffset
    const { end, cutBatchBytes, epochs } = extentOf(set, from)
    this.fetchOffset = end
    if (cutBatchBytes !== null) this.fetchBytes = wholeBatchesOf(cutBatchBytes)
    this.#waiting = { set, from, epochs, atMs: nowMs, done }
    this.waitingSinceMs = nowMs
    this.#working ??= this.#work()
  }

  /** No call of the handler begins after this; one under way may still settle. */
  stop(): void {
    this.#stopped = true
    this.#waiting?.done()
    this.#waiting = null
    this.waitingSinceMs = null
  }

  /** What has been fetched is still handed over; then it is told. */
  async outOfRange(): Promise<void> {
    this.#isOutOfRange = true
    await this.#working
    if (!this.#stopped) this.#options.onOutOfRange(this.fetchOffset)
  }

  #upTo(end: bigint | null): number | null {
    return end === null ? null : Math.max(Number(end - this.#handledOffset), 0)
  }

  #failed(error: unknown, nowMs: number): void {
    if (this.#stopped) return
    if (!(error instanceof UnreadableBatchError)) {
      this.#options.onFailed(error)
      this.stop()
      return
    }
    this.#take()?.done()
    const offset = this.#handledOffset
    this.fetchOffset = offset
    const times = this.#unreadable?.offset === offset ? this.#unreadable.times : 0
    this.notBeforeMs = nowMs + backoffMs(times, UNREADABLE_BACKOFF)
    this.#unreadable = { offset, times: times + 1 }
    this.#options.onUnreadable(error)
  }

  #handled(nextOffset: bigint): void {
    this.#handledOffset = nextOffset
    if (this.#unreadable === null || nextOffset <= this.#unreadable.offset) return
    this.#unreadable = null
    this.#options.onUnreadable(null)
  }

  async #work(): Promise<void> {
    for (let next = this.#take(); next; next = this.#take()) {
      try {
        await this.#hand(next)
      } catch (error) {
        this.#failed(error, next.atMs)
      } finally {
        next.done()
      }
    }
    this.#working = null
  }

  #take(): Fetched | null {
    const next = this.#waiting
    this.#waiting = null
    this.waitingSinceMs = null
    return next
  }

  async #hand({ set, from, epochs }: Fetched): Promise<void> {
    const next = epochs[0]?.epoch ?? UNKNOWN_EPOCH
    const last = this.#options.epochs.changeAt(from, next)
    if (last !== null && !(await this.#follows(from, last, next))) return
    this.#options.epochs.read(epochs)
    for (const batch of decodeRecordSet(set, from)) {
      if (this.#stopped) return
      await this.#options.handler.records(batch)
      this.#handled(batch.nextOffset)
    }
  }

  /** Whether what comes next follows what was read last, or is of a log that was cut since and has grown again (KIP-320). */
  async #follows(from: bigint, last: EpochSpan, next: number): Promise<boolean> {
    const keptTo = await this.#options.endOfEpoch(last, next, from)
    if (this.#stopped) return false
    if (keptTo === null || keptTo >= from) return true
    this.stop()
    this.#options.onTruncated(from, keptTo)
    return false
  }
}

/**
 * How much to ask for where the next batch has so many bytes, and those behind it about as many. The broker cuts the last batch of an
 * answer where the size that was asked for ends, and that batch comes again: of batches of just over half of
 * PARTITION_BYTES every byte would come twice.
 */
export function wholeBatchesOf(batchBytes: number): number {
  const wholeBytes = Math.floor(PARTITION_BYTES / batchBytes) * batchBytes
  if (wholeBytes === 0) return PARTITION_BYTES
  // Room for those that are a little longer.
  return Math.min(PARTITION_BYTES, wholeBytes + Math.floor((wholeBytes - batchBytes) / 16))
}
