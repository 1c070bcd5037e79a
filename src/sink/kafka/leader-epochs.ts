/** What the records of a partition were written under, from one offset on. */
export interface EpochSpan {
  readonly from: bigint
  /** Of the leader that appended them; one more with each leader. */
  readonly epoch: number
}

/** Where the offset was committed without one, or the batch has none. */
export const UNKNOWN_EPOCH = -1

/** Leaders change now and then: enough for all that is read between two commits. */
const MOST_SPANS = 100

/**
 * The leader epochs of what was read of a partition (KIP-101, KIP-320). Along a log they never fall; where they change, another broker has
 * become the leader, perhaps one that lacked what the one before had given out (an unclean election). By the epoch of what was
 * read last it can be asked how far it has the same.
 */
export class LeaderEpochs {
  #spans: readonly EpochSpan[]

  /** @param committed where the group is, and the epoch of the record before it */
  constructor({ offset, leaderEpoch }: { readonly offset: bigint; readonly leaderEpoch: number }) {
    this.#spans = [{ from: offset - 1n, epoch: leaderEpoch }]
  }

  /** Of the last record before `offset`, as far as that was read; UNKNOWN_EPOCH. */
  before(offset: bigint): number {
    return this.lastBefore(offset)?.epoch ?? UNKNOWN_EPOCH
  }

  /** What was read last before `offset`; null where its epoch is unknown. */
  lastBefore(offset: bigint): EpochSpan | null {
    const last = this.#spans.findLast(({ from }) => from < offset)
    return last === undefined || last.epoch === UNKNOWN_EPOCH ? null : last
  }

  /** The same, where it is of another epoch than what comes next: then the leader is to be asked. Null otherwise. */
  changeAt(offset: bigint, next: number): EpochSpan | null {
    const last = this.lastBefore(offset)
    return last !== null && next !== UNKNOWN_EPOCH && last.epoch !== next ? last : null
  }

  /** These come next; what was read before of the same offsets and later ones is void. */
  read(spans: readonly EpochSpan[]): void {
    for (const span of spans) {
      const earlier = this.#spans.filter(({ from }) => from < span.from)
      if (earlier.length < this.#spans.length || earlier.at(-1)?.epoch !== span.epoch)
        this.#spans = [...earlier, span].slice(-MOST_SPANS)
    }
  }

  /** What lies from `offset` on, up to what is read next, is not read: nothing is known of it. */
  skipFrom(offset: bigint): void {
    this.read([{ from: offset, epoch: UNKNOWN_EPOCH }])
  }
}

/** What a leader tells of an epoch: the newest that it has of those up to it, and the first offset that is of a later one. */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: bigint
}

/**
 * How far a leader has the log that was read; null where it cannot tell.
 *
 * @param last what was read last, which it was asked for
 * @param next the epoch of what comes after it
 */
export function keptTo(last: EpochSpan, next: number, { leaderEpoch, endOffset }: EpochEnd): bigint | null {
  if (leaderEpoch >= last.epoch) return endOffset
  // It has nothing of that epoch, in which at least what we read from its beginning was written. Told nothing at all,
  // a later epoch proves nothing, an earlier one does: along a log they do not fall.
  if (leaderEpoch === UNKNOWN_EPOCH) return next < last.epoch ? last.from : null
  return endOffset < last.from ? endOffset : last.from
}
