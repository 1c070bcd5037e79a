import { crc32 } from 'node:zlib'

const SMALLEST_SLAB = 16 * 1024
const LARGEST_SLAB = 1024 * 1024
/** As much as S3 is given in one request. */
const LARGEST_SEALED = 64 * 1024 * 1024
const LINE_END = 0x0a

/**
 * An append-only body of lines in memory. Lines are copied into slabs of its own: what Kafka's client hands out are
 * slices of a whole fetch response, and `Buffer.from` copies are slices of a shared pool; one small kept slice would keep
 * all of it alive. Slabs double in size, so that a hundred small objects stay small and a large one is few pieces.
 */
export class ByteLog {
  readonly #full: Buffer[] = []
  #slab: Buffer = Buffer.alloc(0)
  #used = 0
  #fullBytes = 0
  #allocatedBytes = 0
  #lines = 0

  get lines(): number {
    return this.#lines
  }

  get bytes(): number {
    return this.#fullBytes + this.#used
  }

  /** Memory held, used or not. */
  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** Copies `length` bytes from `at` on, and ends them with a line feed. */
  append(bytes: Buffer, at: number, length: number): void {
    if (this.#used + length + 1 > this.#slab.length) this.#newSlab(length + 1)
    bytes.copy(this.#slab, this.#used, at, at + length)
    this.#used += length
    this.#slab[this.#used++] = LINE_END
    this.#lines++
  }

  /** The body in order, not copied: valid until the next append. */
  chunks(): Buffer[] {
    return this.#used === 0 ? [...this.#full] : [...this.#full, this.#slab.subarray(0, this.#used)]
  }

  /** Makes the body one buffer, once, where it is not too large for that: S3 takes it as it is, and the slabs are freed. */
  seal(): void {
    if (this.#full.length === 0 || this.bytes > LARGEST_SEALED) return
    const body = Buffer.allocUnsafeSlow(this.bytes)
    let at = 0
    for (const chunk of this.chunks()) at += chunk.copy(body, at)
    this.#full.length = 0
    this.#fullBytes = 0
    this.#slab = body
    this.#used = body.length
    this.#allocatedBytes = body.length
  }

  #newSlab(atLeast: number): void {
    if (this.#used > 0) this.#full.push(this.#slab.subarray(0, this.#used))
    this.#fullBytes += this.#used
    const size = Math.max(atLeast, Math.min(LARGEST_SLAB, Math.max(SMALLEST_SLAB, this.#slab.length * 2)))
    this.#slab = Buffer.allocUnsafeSlow(size)
    this.#allocatedBytes += size
    this.#used = 0
  }
}

/** CRC-32 over all chunks, 8 hexadecimal digits. */
export function crc32Of(chunks: readonly (Buffer | string)[]): string {
  return chunks
    .reduce<number>((crc, chunk) => crc32(chunk, crc), 0)
    .toString(16)
    .padStart(8, '0')
}
