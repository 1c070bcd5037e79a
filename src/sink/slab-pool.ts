const KIB = 1024

/** Sizes of slabs, each four times the one before. */
const SIZES = [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB] as const
const LARGEST = 3
const BLOCK_BYTES = SIZES[LARGEST]
const WORD_BITS = 32

/**
 * Memory for lines, kept and used again: what is allocated anew for every object costs page faults and garbage collections, as V8
 * takes memory outside its heap for a reason to collect, and the process keeps growing by what the allocator cannot give back.
 *
 * A slab is a block of the largest size, or a fourth of a larger slab: four free ones beside each other are that again, so
 * memory is there for every size whatever sizes it was used in. The first free one is taken, so that no more memory is
 * touched than was once needed.
 */
export class SlabPool {
  readonly #blocks: Buffer[] = []
  readonly #indexes = new Map<ArrayBufferLike, number>()
  /** For each size, a bit for each slab that is free as a whole and no part of a larger free one. A block need not be allocated yet. */
  readonly #free: readonly Int32Array[]
  /** For each size, a word of `#free` before which there is none. */
  readonly #firstWord: number[] = SIZES.map(() => 0)
  #takenBytes = 0

  /** @param bytes that are kept; slabs beyond them are allocated, and given up when they are given back */
  constructor(bytes: number) {
    const blocks = Math.floor(bytes / BLOCK_BYTES)
    this.#free = SIZES.map((size) => new Int32Array(Math.ceil((blocks * BLOCK_BYTES) / size / WORD_BITS)))
    for (let block = 0; block < blocks; block++) this.#join(LARGEST, block)
  }

  /** In use, of what is kept. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** A slab for a log that holds `heldBytes` already. Its content is arbitrary. */
  take(heldBytes: number): Buffer {
    const size = sizeFor(heldBytes)
    const bytes = SIZES[size] as number
    const index = this.#cut(size)
    if (index < 0) return Buffer.allocUnsafeSlow(bytes)
    this.#takenBytes += bytes
    const at = index * bytes
    return this.#block(Math.floor(at / BLOCK_BYTES)).subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + bytes)
  }

  /** Takes slabs back that nobody reads any more. */
  give(slabs: readonly Buffer[]): void {
    for (const slab of slabs) {
      const block = this.#indexes.get(slab.buffer)
      if (block === undefined) continue
      this.#takenBytes -= slab.length
      const size = SIZES.indexOf(slab.length as (typeof SIZES)[number])
      this.#join(size, (block * BLOCK_BYTES + slab.byteOffset) / slab.length)
    }
  }

  #block(index: number): Buffer {
    const known = this.#blocks[index]
    if (known !== undefined) return known
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#indexes.set(block.buffer, index)
    this.#blocks[index] = block
    return block
  }

  /** Which slab of the size is taken; -1 for none. */
  #cut(size: number): number {
    const words = this.#free[size]
    if (words === undefined) return -1
    for (let word = this.#firstWord[size] as number; word < words.length; word++) {
      const bits = words[word] as number
      if (bits === 0) continue
      words[word] = bits & (bits - 1)
      this.#firstWord[size] = word
      return word * WORD_BITS + lowestBitOf(bits)
    }
    this.#firstWord[size] = words.length
    const larger = this.#cut(size + 1)
    if (larger < 0) return -1
    const [word, shift] = placeOf(larger * 4)
    words[word] = (words[word] as number) | (0b1110 << shift)
    this.#firstWord[size] = word
    return larger * 4
  }

  #join(size: number, index: number): void {
    const words = this.#free[size] as Int32Array
    const [word, shift] = placeOf(index)
    const bits = (words[word] as number) | (1 << shift)
    const first = shift & ~3
    const isWhole = size !== LARGEST && ((bits >>> first) & 0b1111) === 0b1111
    words[word] = isWhole ? bits & ~(0b1111 << first) : bits
    this.#firstWord[size] = Math.min(word, this.#firstWord[size] as number)
    if (isWhole) this.#join(size + 1, index >> 2)
  }
}

/** Word and bit of a slab. The four that are one larger slab are in one word. */
function placeOf(index: number): [word: number, shift: number] {
  return [index >> 5, index & 31]
}

function lowestBitOf(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}

/** Index into `SIZES`. So that hundreds of small objects stay small (at most a sixteenth is unused from 64 KiB on) and a large one is few pieces. */
function sizeFor(heldBytes: number): number {
  if (heldBytes < 64 * KIB) return 0
  if (heldBytes < 256 * KIB) return 1
  return heldBytes < 2048 * KIB ? 2 : 3
}
