/** Offsets that expired in Kafka before they were delivered, `to` exclusive. */
export interface LostRange {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  readonly to: bigint
  /** When it was noticed, milliseconds since the epoch. */
  readonly atMs: number
}

/** Newest that `status` shows: one for each of a hundred partitions that a long pause cost something. The log has all of them. */
const MOST_SHOWN = 100

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
    for (const each of this.#newest) (overlaps(each, range) ? known : others).push(each)
    const whole = known.reduce(union, range)
    this.#offsets += lengthOf(whole) - known.reduce((sum, each) => sum + lengthOf(each), 0)
    this.#newest = [...others, whole].slice(-MOST_SHOWN)
  }
}

function overlaps(a: LostRange, b: LostRange): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.from < b.to && b.from < a.to
}

function union(whole: LostRange, { from, to }: LostRange): LostRange {
  return { ...whole, from: from < whole.from ? from : whole.from, to: to > whole.to ? to : whole.to }
}

function lengthOf({ from, to }: LostRange): number {
  return Number(to - from)
}
