import { gzipSync, zstdCompressSync } from 'node:zlib'
import { lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import { describe, expect, it } from 'vitest'
import { decompress } from '../../../src/sink/kafka/codecs.ts'

const [GZIP, SNAPPY, LZ4, ZSTD] = [1, 2, 3, 4]
const text = Buffer.from('{"EventNamespace":"acme","EventName":"gameStarted"}'.repeat(2_000))

/** As snappy-java frames it: magic, version 1, compatible with version 1, then blocks with their lengths. */
function xerial(...blocks: Buffer[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex')
  const framed = blocks.flatMap((block) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    return [length, block]
  })
  return Buffer.concat([header, ...framed])
}

describe('decompress', () => {
  it('reads snappy as librdkafka writes it: one raw block', () => {
    expect(decompress(SNAPPY, snappyCompress(text)).equals(text)).toBe(true)
  })

  it('reads snappy as the Java client writes it: blocks in the frame of snappy-java', () => {
    const halves = [text.subarray(0, 32_768), text.subarray(32_768)]
    expect(decompress(SNAPPY, xerial(...halves.map(snappyCompress))).equals(text)).toBe(true)
    expect(decompress(SNAPPY, xerial(snappyCompress(text))).equals(text)).toBe(true)
  })

  it('refuses a frame of snappy-java whose last block is cut', () => {
    const framed = xerial(snappyCompress(text), snappyCompress(text))
    for (const cut of [3, 100])
      expect(() => decompress(SNAPPY, framed.subarray(0, -cut))).toThrow('cannot be decompressed with snappy')
    const negative = Buffer.from(framed)
    negative.writeInt32BE(-4, 16)
    expect(() => decompress(SNAPPY, negative)).toThrow('cannot be decompressed with snappy')
  })

  it.each([
    ['gzip', GZIP],
    ['snappy', SNAPPY],
    ['lz4', LZ4],
    ['zstd', ZSTD],
  ] as const)('says when %s data are damaged, and reads on afterwards', (name, codec) => {
    expect(() => decompress(codec, Buffer.from('no such thing'))).toThrow(`cannot be decompressed with ${name}`)
    expect(decompress(LZ4, lz4Compress(text)).equals(text)).toBe(true)
  })

  const COMPRESSED = [
    ['gzip', GZIP, gzipSync(text)],
    ['snappy', SNAPPY, snappyCompress(text)],
    ['snappy', SNAPPY, xerial(snappyCompress(text.subarray(0, 60_000)), snappyCompress(text.subarray(60_000)))],
    ['lz4', LZ4, lz4Compress(text)],
    ['zstd', ZSTD, zstdCompressSync(text)],
  ] as const

  it.each(COMPRESSED)('makes no more of %s data than it may, and says what helps', (name, codec, data) => {
    // A frame of LZ4 tells only how much it can be, which is the same but for its last block.
    expect(decompress(codec, data, text.length + 64 * 1024).equals(text)).toBe(true)
    expect(() => decompress(codec, data, text.length - 1)).toThrow(
      `a record batch of ${data.length} bytes has more than 0 MiB without its compression (${name}), which is a quarter of this pod's memory: raise spec.resources.limits.memory`,
    )
  })
})
