import { crc32 } from 'node:zlib'
import type { SlabPool } from './slab-pool.ts'

/** Ends each line of a body. */
export const LINE_END = 0x0a
const NO_SLAB = Buffer.alloc(0)

/**
 * An append-only body of lines in memory. Lines are copied into slabs of its own: what Kafka's client hands out are
 * slices of a whole fetch response, and `Buffer.from` copies are slices of a shared pool; one small kept slice would keep
 * all of it alive. A line may begin in one slab and end in the next.
 */
export class ByteLog {
  readonly #pool: SlabPool
  readonly #full: Buffer[] = []
  #slab: Buffer = NO_SLAB
  #used = 0
  #fullBytes = 0
  /** Of the full slabs: taken while they are in the processor's cache. */
  #fullCrc = 0
  #lines = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
  }

  get lines(): number {
    return this.#lines
  }

  get bytes(): number {
    return this.#fullBytes + this.#used
  }

  /** Memory held, used or not. */
  get allocatedBytes(): number {
    return this.#fullBytes + this.#slab.length
  }

  /** Of the body, 8 hexadecimal digits. */
  get crc32(): string {
    return hexOf(crc32(this.#slab.subarray(0, this.#used), this.#fullCrc))
  }

  /**
   * Copies `length` bytes from `at` on, and ends them with a line feed.
   * @returns by how much `allocatedBytes` has grown
   */
  append(bytes: Buffer, at: number, length: number): number {
    let from = at
    let allocated = 0
    const end = at + length
    while (end - from >= this.#slab.length - this.#used) {
      from += bytes.copy(this.#slab, this.#used, from, end)
      this.#nextSlab()
      allocated += this.#slab.length
    }
    this.#used += bytes.copy(this.#slab, this.#used, from, end)
    this.#slab[this.#used++] = LINE_END
    this.#lines++
    return allocated
  }

  /** The body in order, not copied: valid until the next append. */
  chunks(): Buffer[] {
    return this.#used === 0 ? [...this.#full] : [...this.#full, this.#slab.subarray(0, this.#used)]
  }

  /** Gives the memory back: nobody may read the chunks any more. */
  release(): void {
    this.#pool.give([...this.#full, ...(this.#slab === NO_SLAB ? [] : [this.#slab])])
    this.#full.length = 0
    this.#slab = NO_SLAB
    this.#used = 0
    this.#fullBytes = 0
  }

  /** To be called when the slab is full. */
  #nextSlab(): void {
    if (this.#slab !== NO_SLAB) {
      this.#full.push(this.#slab)
      this.#fullBytes += this.#slab.length
      this.#fullCrc = crc32(this.#slab, this.#fullCrc)
    }
    this.#slab = this.#pool.take(this.#fullBytes)
    this.#used = 0
  }
}

/** Bytes of all chunks. */
export function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

/** CRC-32 over all chunks, 8 hexadecimal digits. */
export function crc32Of(chunks: readonly (Buffer | string)[]): string {
  return hexOf(chunks.reduce<number>((crc, chunk) => crc32(chunk, crc), 0))
}

function hexOf(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
