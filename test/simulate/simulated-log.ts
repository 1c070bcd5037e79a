import type { EpochEnd, EpochSpan } from '../../src/sink/kafka/leader-epochs.ts'
import type { SourceRecord } from '../../src/sink/record-source.ts'
import { sourceRecord } from '../support/source-records.ts'

export const TOPIC = 'analytics_game_telemetry.dev.acme.login'

/** What was produced, and what of it must be found in the bucket. */
export interface Produced {
  readonly offset: bigint
  readonly timestampMs: number
  readonly value: Buffer | null
  readonly fate: 'line' | 'reject' | 'filtered'
}

/**
 * The log of one partition: records, offsets without records (control records, compaction), a beginning that moves up (retention),
 * and an end that moves back when a broker becomes the leader that lacks the newest (an unclean election).
 */
export class SimulatedLog {
  readonly partition: number
  readonly produced: Produced[] = []
  /** First offset that is still there. */
  startOffset = 0n
  endOffset = 0n
  /** What expired before the group first committed an offset: a group without a place begins with what is there. */
  unseenBefore = 0n
  /** What it held before an unclean election. */
  readonly lost: Produced[] = []
  /** How far it went before one. */
  mostEndOffset = -1n
  /** The first offset of that which somebody had read. */
  cutAt: bigint | null = null
  /** How far somebody has read. */
  #readTo = 0n
  #epochs: readonly EpochSpan[] = [{ from: 0n, epoch: 0 }]
  #waiting: (() => void)[] = []

  constructor(partition: number) {
    this.partition = partition
  }

  append(value: string | null, fate: Produced['fate'], timestampMs: number): void {
    this.produced.push({
      offset: this.endOffset++,
      timestampMs,
      value: value === null ? null : Buffer.from(value),
      fate,
    })
    this.#changed()
  }

  /** An offset that holds no record. */
  skip(): void {
    this.endOffset++
    this.#changed()
  }

  /** Retention: everything before `offset` is gone. */
  expire(offset: bigint): void {
    if (offset > this.startOffset) this.startOffset = offset
    this.#changed()
  }

  /** Another leader, which has nothing from `offset` on. @returns whether somebody had read what it lacks */
  elect(offset: bigint): boolean {
    const isRead = this.#readTo > offset
    if (isRead && (this.cutAt === null || offset < this.cutAt)) this.cutAt = offset
    this.#readTo = isRead ? offset : this.#readTo
    this.lost.push(...this.produced.filter((record) => record.offset >= offset))
    this.produced.splice(this.produced.findLastIndex((record) => record.offset < offset) + 1)
    const epoch = (this.#epochs.at(-1)?.epoch ?? 0) + 1
    this.#epochs = [...this.#epochs.filter(({ from }) => from < offset), { from: offset, epoch }]
    if (this.endOffset > this.mostEndOffset) this.mostEndOffset = this.endOffset
    this.endOffset = offset
    this.#changed()
    return isRead
  }

  /** As a leader answers OffsetForLeaderEpoch (LeaderEpochFileCache.endOffsetFor): of one before all that it has, where that begins. */
  endOf(epoch: number): EpochEnd {
    const at = this.#epochs.findLastIndex((span) => span.epoch <= epoch)
    return { leaderEpoch: this.#epochs[at]?.epoch ?? epoch, endOffset: this.#epochs[at + 1]?.from ?? this.endOffset }
  }

  /** At most `most` offsets from `from` on. The bytes are copies, for the reader to scribble over. */
  read(from: bigint, most: number): { records: SourceRecord[]; nextOffset: bigint; epochs: EpochSpan[] } {
    const end = from + BigInt(most)
    const nextOffset = end < this.endOffset ? end : this.endOffset
    const records = this.produced
      .filter(({ offset }) => offset >= from && offset < nextOffset)
      .map(({ offset, timestampMs, value }) => sourceRecord({ offset, timestampMs, value }))
    if (nextOffset > this.#readTo) this.#readTo = nextOffset
    const first = this.#epochs.findLastIndex((span) => span.from <= from)
    const epochs = this.#epochs.slice(first).filter((span) => span.from < nextOffset)
    return { records, nextOffset, epochs }
  }

  /** Resolves at the next change: a fetch that finds nothing waits for it. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #changed(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
