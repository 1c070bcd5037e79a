import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { lz4Decompress, snappyDecompress } from '@platformatic/wasm-utils'

/** Most bytes that one record batch may have decompressed; far above `message.max.bytes`, it stops only a bomb. */
const MAX_DECOMPRESSED_BYTES = 512 * 1024 * 1024

/** Name and decompression of each codec, by the lowest three bits of a record batch's attributes. */
const CODECS: readonly { readonly name: string; readonly decompress: (data: Buffer) => Buffer }[] = [
  { name: 'none', decompress: (data) => data },
  { name: 'gzip', decompress: (data) => gunzipSync(data, { maxOutputLength: MAX_DECOMPRESSED_BYTES }) },
  { name: 'snappy', decompress: fromSnappy },
  // At most 255 times its input, by its format.
  { name: 'lz4', decompress: lz4Decompress },
  { name: 'zstd', decompress: (data) => zstdDecompressSync(data, { maxOutputLength: MAX_DECOMPRESSED_BYTES }) },
]

/** @throws Error naming the codec when it is not known or the data are damaged */
export function decompress(codec: number, data: Buffer): Buffer {
  const known = CODECS[codec]
  if (!known) throw new Error(`compressed with codec ${codec}, which is not known`)
  try {
    return known.decompress(data)
  } catch (cause) {
    throw new Error(`cannot be decompressed with ${known.name}`, { cause })
  }
}

/**
 * The Java client frames its snappy as the library snappy-java does (once by xerial.org): magic, two version numbers, then
 * [length int32 · raw snappy]. librdkafka and its bindings write one raw block.
 * Source: https://github.com/xerial/snappy-java, SnappyCodec and SnappyInputStream
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = XERIAL_MAGIC.length + 8

function fromSnappy(data: Buffer): Buffer {
  if (!data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyDecompress(data)
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER_BYTES; at < data.length; ) {
    const start = at + 4
    const end = start + data.readInt32BE(at)
    if (end < start || end > data.length) throw new Error('a snappy block is cut')
    blocks.push(snappyDecompress(data.subarray(start, end)))
    at = end
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks)
}
