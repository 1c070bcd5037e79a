/** As much of the limit may stay open: what is flushed is then large, as many small objects cost more than few large ones, and room comes soon. */
const OPEN_SHARE = 3 / 4

/** Somebody who buffers records: one held partition. */
export interface BufferOwner {
  /** Memory of the set that is still open. */
  readonly openBytes: number
  /** Memory of the set that is being written. */
  readonly inFlightBytes: number
  /** Whether the open set could be closed at once; false while an earlier one is being written or replayed. */
  readonly canFlush: boolean
  /** Whether the open set is one that is replayed: it can be closed at its end only. */
  readonly isReplaying: boolean
  /** Closes the open set: afterwards its bytes are in flight. */
  flushForMemory(): void
}

/**
 * The bytes that one process may buffer, over all its partitions. Over the limit the largest open sets are flushed until
 * at most three quarters of it are open, and readers wait (`room`) until writes have given memory back: that is the back-pressure. A
 * reader waits only after it has taken its batch in, so the limit can be exceeded by one batch for each partition.
 *
 * A set that is replayed cannot be flushed before its end, and one pod may have those of many to replay. So one of them goes on over the limit,
 * until it is written, and the others wait.
 */
export class ByteBudget {
  readonly limitBytes: number
  readonly #owners = new Set<BufferOwner>()
  #waiting: (() => void)[] = []
  /** Who replays over the limit. */
  #exceeding: BufferOwner | null = null

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#sum((owner) => owner.openBytes + owner.inFlightBytes)
  }

  get isExceeded(): boolean {
    return this.usedBytes > this.limitBytes
  }

  /** Whether anything is being written. */
  get isWriting(): boolean {
    return [...this.#owners].some(({ inFlightBytes }) => inFlightBytes > 0)
  }

  add(owner: BufferOwner): void {
    this.#owners.add(owner)
  }

  remove(owner: BufferOwner): void {
    this.#owners.delete(owner)
    if (this.#exceeding === owner) this.#exceeding = null
    this.released()
  }

  /** To be called when an owner's memory has become free. */
  released(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Resolves when the process is within its budget or the owner may exceed it, or when `signal` aborts; at once in the normal case. */
  async room(owner: BufferOwner, signal: AbortSignal): Promise<void> {
    while (this.isExceeded && !signal.aborted && !this.#mayExceed(owner)) {
      this.#relieve()
      await this.#nextRelease(signal)
    }
  }

  /** Whether the others may have to wait until this owner's replay is written. */
  isAwaited(owner: BufferOwner): boolean {
    return this.#exceeding === owner && owner.isReplaying
  }

  #mayExceed(owner: BufferOwner): boolean {
    if (!owner.isReplaying) return false
    const isDone = this.#exceeding === null || !(this.#exceeding.isReplaying || this.#exceeding.inFlightBytes > 0)
    if (isDone) this.#exceeding = owner
    return this.#exceeding === owner
  }

  /**
   * Flushes the largest sets until no more than its share of the limit stays open, so that readers find room again when those are
   * written; what is being written already gives its memory back by itself.
   */
  #relieve(): void {
    while (this.#sum((owner) => owner.openBytes) > this.limitBytes * OPEN_SHARE) {
      const candidates = [...this.#owners].filter((owner) => owner.canFlush && owner.openBytes > 0)
      const largest = candidates.sort((a, b) => b.openBytes - a.openBytes)[0]
      if (!largest) return
      largest.flushForMemory()
    }
  }

  #nextRelease(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.push(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #sum(bytesOf: (owner: BufferOwner) => number): number {
    let sum = 0
    for (const owner of this.#owners) sum += bytesOf(owner)
    return sum
  }
}
