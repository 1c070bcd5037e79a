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

/** The log of one partition: records, offsets without records (control records, compaction), and an end that moves up (retention). */
export class SimulatedLog {
  readonly partition: number
  readonly produced: Produced[] = []
  /** First offset that is still there. */
  startOffset = 0n
  endOffset = 0n
  /** What expired before the group first committed an offset: a group without a place begins with what is there. */
  unseenBefore = 0n
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

  /** At most `most` offsets from `from` on. The bytes are copies, for the reader to scribble over. */
  read(from: bigint, most: number): { records: SourceRecord[]; nextOffset: bigint } {
    const end = from + BigInt(most)
    const nextOffset = end < this.endOffset ? end : this.endOffset
    const records = this.produced
      .filter(({ offset }) => offset >= from && offset < nextOffset)
      .map(({ offset, timestampMs, value }) => sourceRecord({ offset, timestampMs, value }))
    return { records, nextOffset }
  }

  /** Resolves at the next change: a fetch that finds nothing waits for it. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #changed(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
