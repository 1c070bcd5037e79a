import { gunzipSync, zstdDecompressSync } from 'node:zlib'

/** Most bytes that one record batch may have decompressed; far above `message.max.bytes`, it stops only a bomb. */
const MAX_DECOMPRESSED_BYTES = 512 * 1024 * 1024

/** Name and decompression of each codec, by the lowest three bits of a record batch's attributes. */
const CODECS: readonly { readonly name: string; readonly decompress: ((data: Buffer) => Buffer) | null }[] = [
  { name: 'none', decompress: (data) => data },
  { name: 'gzip', decompress: (data) => gunzipSync(data, { maxOutputLength: MAX_DECOMPRESSED_BYTES }) },
  { name: 'snappy', decompress: null },
  { name: 'lz4', decompress: null },
  { name: 'zstd', decompress: (data) => zstdDecompressSync(data, { maxOutputLength: MAX_DECOMPRESSED_BYTES }) },
]

/** @throws Error naming the codec when it is not supported or the data are damaged */
export function decompress(codec: number, data: Buffer): Buffer {
  const { name, decompress } = CODECS[codec] ?? { name: `codec ${codec}`, decompress: null }
  if (!decompress) throw new Error(`compressed with ${name}, which is not supported: use gzip, zstd or no compression`)
  try {
    return decompress(data)
  } catch (cause) {
    throw new Error(`cannot be decompressed with ${name}`, { cause })
  }
}
