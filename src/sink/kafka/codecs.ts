import { totalmem } from 'node:os'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { lz4Decompress, snappyDecompress } from '@platformatic/wasm-utils'

const MIB = 1024 * 1024

/**
 * Most bytes of one record batch when it is decompressed, far above what `message.max.bytes` leads to: it stops only what would end the
 * process. A quarter of its memory, as the bytes are there twice for a moment, beside all else.
 */
const DEFAULT_LIMIT_BYTES = Math.floor(Math.min(process.constrainedMemory() || totalmem(), totalmem()) / 4)

/** A codec's decompression. @throws TooLongError instead of making more than `limitBytes`, another error for damaged data */
type Decompress = (data: Buffer, limitBytes: number) => Buffer

class TooLongError extends Error {
  override readonly name = 'TooLongError'
}

/** Name and decompression of each codec, by the lowest three bits of a record batch's attributes. */
const CODECS: readonly { readonly name: string; readonly decompress: Decompress }[] = [
  { name: 'none', decompress: (data) => data },
  { name: 'gzip', decompress: (data, limit) => byZlib(() => gunzipSync(data, { maxOutputLength: limit })) },
  { name: 'snappy', decompress: fromSnappy },
  { name: 'lz4', decompress: fromLz4 },
  { name: 'zstd', decompress: (data, limit) => byZlib(() => zstdDecompressSync(data, { maxOutputLength: limit })) },
]

/**
 * @param limitBytes most that is made of it
 * @throws Error naming the codec when it is not known, the data are damaged, or they are longer than `limitBytes` without it
 */
export function decompress(codec: number, data: Buffer, limitBytes = DEFAULT_LIMIT_BYTES): Buffer {
  const known = CODECS[codec]
  if (!known) throw new Error(`compressed with codec ${codec}, which is not known`)
  try {
    return known.decompress(data, limitBytes)
  } catch (cause) {
    if (cause instanceof TooLongError)
      throw new Error(
        `a record batch of ${data.length} bytes has more than ${Math.floor(limitBytes / MIB)} MiB without its compression (${known.name}), which is a quarter of this pod's memory: raise spec.resources.limits.memory`,
      )
    throw new Error(`cannot be decompressed with ${known.name}`, { cause })
  }
}

function byZlib(unzip: () => Buffer): Buffer {
  try {
    return unzip()
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? new TooLongError() : error
  }
}

/**
 * The Java client frames its snappy as the library snappy-java does (once by xerial.org): magic, two version numbers, then
 * [length int32 · raw snappy]. librdkafka and its bindings write one raw block.
 * Source: https://github.com/xerial/snappy-java, SnappyCodec and SnappyInputStream
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = XERIAL_MAGIC.length + 8

function fromSnappy(data: Buffer, limitBytes: number): Buffer {
  if (!data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return fromRawSnappy(data, limitBytes)
  const blocks: Buffer[] = []
  let room = limitBytes
  for (let at = XERIAL_HEADER_BYTES; at < data.length; ) {
    const start = at + 4
    const end = start + data.readInt32BE(at)
    if (end < start || end > data.length) throw new Error('a snappy block is cut')
    const block = fromRawSnappy(data.subarray(start, end), room)
    blocks.push(block)
    room -= block.length
    at = end
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks)
}

/** It begins with its length without compression, a varint. Source: format_description.txt of https://github.com/google/snappy */
function fromRawSnappy(data: Buffer, limitBytes: number): Buffer {
  let length = 0
  for (let i = 0, byte = 0x80; byte >= 0x80 && i < data.length; i++) {
    byte = data[i] as number
    length += (byte & 0x7f) * 2 ** (7 * i)
  }
  if (length > limitBytes) throw new TooLongError()
  return snappyDecompress(data)
}

/** A block's match lengths grow by 255 with each byte. */
const LZ4_MOST_TIMES = 255
const LZ4_MAGIC_BYTES = 4
const [LZ4_HAS_BLOCK_CHECKSUMS, LZ4_HAS_CONTENT_SIZE, LZ4_HAS_DICTIONARY] = [0x10, 0x08, 0x01]
const LZ4_IS_UNCOMPRESSED = 0x80000000

function fromLz4(data: Buffer, limitBytes: number): Buffer {
  if (mostOfLz4(data) > limitBytes) throw new TooLongError()
  return lz4Decompress(data)
}

/**
 * Most bytes that a frame may be without compression. It need not say how many; but each block has a most, and all but the last are full.
 * Source: lz4_Frame_format.md of https://github.com/lz4/lz4
 */
function mostOfLz4(data: Buffer): number {
  const [flags = 0, sizes = 0] = data.subarray(LZ4_MAGIC_BYTES)
  const mostOfBlock = 2 ** (8 + 2 * ((sizes >> 4) & 7))
  const checksumBytes = flags & LZ4_HAS_BLOCK_CHECKSUMS ? 4 : 0
  let at = LZ4_MAGIC_BYTES + 2 + (flags & LZ4_HAS_CONTENT_SIZE ? 8 : 0) + (flags & LZ4_HAS_DICTIONARY ? 4 : 0) + 1
  let most = 0
  while (at + 4 <= data.length) {
    const word = data.readUInt32LE(at)
    const length = word % LZ4_IS_UNCOMPRESSED
    if (length === 0) break
    most += word >= LZ4_IS_UNCOMPRESSED ? length : Math.min(mostOfBlock, LZ4_MOST_TIMES * length)
    at += 4 + length + checksumBytes
  }
  return most
}
