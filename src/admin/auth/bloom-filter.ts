/**
 * The Bloom filter in which IAM services publish revoked tokens: of AccelByte's `bloom` module, which is Guava's
 * MURMUR128_MITZ_64: MurmurHash3 x64 128 with seed 0 gives h1 and h2, and bit i of k is (h1 + i·h2, its sign bit cleared) mod m.
 * It may say yes for what was never put in (one in 100,000), never no for what was.
 */
const MASK = 0xffff_ffff_ffff_ffffn
const POSITIVE = 0x7fff_ffff_ffff_ffffn
const C1 = 0x87c3_7b91_1142_53d5n
const C2 = 0x4cf5_ad43_2745_937fn
const FALSE_POSITIVES = 1e-5
/** In a smaller filter the k bits of an element, which are equally far apart, too often are few different ones. */
const MIN_ELEMENTS = 1_000

export interface BloomFilter {
  /** Words of 64 bits. */
  readonly bits: readonly bigint[]
  /** Bits of each element. */
  readonly k: number
}

/** Both halves of an element's hash: all that a filter of any size needs to know of it. */
export type Fingerprint = readonly [h1: bigint, h2: bigint]

export function mightContain({ bits, k }: BloomFilter, element: string): boolean {
  if (bits.length === 0) return false
  return bitIndexes(fingerprintOf(element), bits.length * 64, k).every(
    (i) => ((bits[i >> 6] ?? 0n) >> BigInt(i & 63)) & 1n,
  )
}

/** A filter of these elements, made so large that one in 100,000 others seems to be in it. */
export function bloomFilterOf(elements: readonly Fingerprint[]): BloomFilter {
  const count = Math.max(MIN_ELEMENTS, elements.length)
  const m = Math.ceil((-count * Math.log(FALSE_POSITIVES)) / Math.LN2 ** 2 / 64) * 64
  const k = Math.round((m / count) * Math.LN2)
  const bits = new Array<bigint>(m / 64).fill(0n)
  for (const element of elements) {
    for (const i of bitIndexes(element, m, k)) bits[i >> 6] = (bits[i >> 6] ?? 0n) | (1n << BigInt(i & 63))
  }
  return { bits, k }
}

/** @param m bits of the whole filter */
export function bitIndexes([h1, h2]: Fingerprint, m: number, k: number): number[] {
  return Array.from({ length: k }, (_, i) => Number(((h1 + BigInt(i) * h2) & POSITIVE) % BigInt(m)))
}

/** MurmurHash3_x64_128 (Austin Appleby, public domain), seed 0. */
export function fingerprintOf(element: string): Fingerprint {
  const data = Buffer.from(element)
  let h1 = 0n
  let h2 = 0n
  const blocks = data.length >> 4
  for (let i = 0; i < blocks; i++) {
    h1 ^= mixed(data.readBigUInt64LE(i * 16), C1, 31n, C2)
    h1 = (((rotl(h1, 27n) + h2) & MASK) * 5n + 0x52dc_e729n) & MASK
    h2 ^= mixed(data.readBigUInt64LE(i * 16 + 8), C2, 33n, C1)
    h2 = (((rotl(h2, 31n) + h1) & MASK) * 5n + 0x3849_5ab5n) & MASK
  }
  const tail = Buffer.alloc(16)
  data.copy(tail, 0, blocks * 16)
  h2 ^= mixed(tail.readBigUInt64LE(8), C2, 33n, C1)
  h1 ^= mixed(tail.readBigUInt64LE(0), C1, 31n, C2)
  const length = BigInt(data.length)
  h1 = ((h1 ^ length) + (h2 ^ length)) & MASK
  h2 = ((h2 ^ length) + h1) & MASK
  h1 = finished(h1)
  h2 = finished(h2)
  h1 = (h1 + h2) & MASK
  return [h1, (h2 + h1) & MASK]
}

function mixed(word: bigint, first: bigint, turn: bigint, second: bigint): bigint {
  return (rotl((word * first) & MASK, turn) * second) & MASK
}

function rotl(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (64n - by))) & MASK
}

function finished(word: bigint): bigint {
  let h = word ^ (word >> 33n)
  h = (h * 0xff51_afd7_ed55_8ccdn) & MASK
  h ^= h >> 33n
  h = (h * 0xc4ce_b9fe_1a85_ec53n) & MASK
  return h ^ (h >> 33n)
}
