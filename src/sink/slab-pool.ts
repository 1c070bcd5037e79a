const KIB = 1024

/**
 * Memory for lines, kept and used again: what is allocated anew for every object costs page faults and garbage collections,
 * and the process keeps growing by what the allocator cannot give back.
 */
export class SlabPool {
  readonly #mostFreeBytes: number
  readonly #free = new Map<number, Buffer[]>()
  #freeBytes = 0

  /** @param mostFreeBytes that are kept while nobody uses them */
  constructor(mostFreeBytes: number) {
    this.#mostFreeBytes = mostFreeBytes
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  /** A slab for a log that holds `heldBytes` already. Its content is arbitrary. */
  take(heldBytes: number): Buffer {
    const size = slabBytes(heldBytes)
    const kept = this.#free.get(size)?.pop()
    if (kept === undefined) return Buffer.allocUnsafeSlow(size)
    this.#freeBytes -= size
    return kept
  }

  /** Takes slabs back that nobody reads any more. */
  give(slabs: readonly Buffer[]): void {
    for (const slab of slabs) {
      if (this.#freeBytes + slab.length > this.#mostFreeBytes) return
      const kept = this.#free.get(slab.length)
      if (kept) kept.push(slab)
      else this.#free.set(slab.length, [slab])
      this.#freeBytes += slab.length
    }
  }
}

/** So that hundreds of small objects stay small (at most a quarter is unused from 16 KiB on) and a large one is few pieces. */
function slabBytes(heldBytes: number): number {
  if (heldBytes < 16 * KIB) return 4 * KIB
  if (heldBytes < 128 * KIB) return 16 * KIB
  return heldBytes < 1024 * KIB ? 64 * KIB : 256 * KIB
}
