import { lengthOf, type OffsetRange, overlaps, unionOf } from '../contract/offset-range.ts'

/** Offsets that expired in Kafka before they were delivered. */
export interface LostRange extends OffsetRange {
  readonly topic: string
  readonly partition: number
  /** When it was noticed, milliseconds since the epoch. */
  readonly atMs: number
}

/** Newest that `status` shows: one for each of a thousand partitions that a long pause cost something. The log has all of them. */
const MOST_SHOWN = 1_000

/** What a sink found to have expired since it started, each offset counted once. */
export class LostRanges {
  #newest: readonly LostRange[] = []
  #offsets = 0

  /** Oldest first. */
  get newest(): readonly LostRange[] {
    return this.#newest
  }

  /** As many records at most: control records and compaction leave offsets without one. */
  get offsets(): number {
    return this.#offsets
  }

  /** A partition that was given up before it could commit where a range ends finds the same range again, or a longer one. */
  add(range: LostRange): void {
    const [known, others] = [[] as LostRange[], [] as LostRange[]]
    for (const each of this.#newest) (isPartOf(each, range) ? known : others).push(each)
    const whole = { ...range, ...known.reduce<OffsetRange>((union, each) => unionOf(union, each), range) }
    this.#offsets += lengthOf(whole) - known.reduce((sum, each) => sum + lengthOf(each), 0)
    this.#newest = [...others, whole].slice(-MOST_SHOWN)
  }
}

function isPartOf(a: LostRange, b: LostRange): boolean {
  return a.topic === b.topic && a.partition === b.partition && overlaps(a, b)
}
