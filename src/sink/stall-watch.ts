/** Long enough for a leader election, a rebalance and a fetch time-out one after another. */
export const DEFAULT_STALLED_AFTER_MS = 5 * 60_000

export interface Progress {
  /** Records read since the process started. */
  readonly read: number
  /** Records that wait and can be read. */
  readonly lag: number | null
  /** Whether anything known holds the reading up: a problem that `status` shows, a full buffer, a set that is being written, the end of the process. */
  readonly isHeldUp: boolean
}

/** Ends the process: only another one can help. */
export class StalledError extends Error {
  override readonly name = 'StalledError'

  constructor(lag: number, stalledAfterMs: number) {
    super(
      `${lag} records wait in Kafka and none was read for ${stalledAfterMs / 1000} s, though nothing is known to be wrong: starting again`,
    )
  }
}

/**
 * Notices a sink that does not move although it should: records wait, nothing is known to be wrong, and none was read for so
 * long. A new process is then the only cure (a Kafka client can dial a lost broker for ever).
 */
export class StallWatch {
  readonly stalledAfterMs: number
  #read = -1
  #movedAtMs = 0

  constructor(stalledAfterMs = DEFAULT_STALLED_AFTER_MS) {
    this.stalledAfterMs = stalledAfterMs
  }

  isStalled({ read, lag, isHeldUp }: Progress, nowMs: number): boolean {
    if (read !== this.#read || !lag || isHeldUp) {
      this.#read = read
      this.#movedAtMs = nowMs
    }
    return nowMs - this.#movedAtMs >= this.stalledAfterMs
  }
}
