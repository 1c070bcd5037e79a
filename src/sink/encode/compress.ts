import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import { sizeOf } from '../byte-log.ts'

/** The lowest levels: on events gzip-1 costs a third of gzip-6 for a tenth more bytes, and zstd-1 beats both in size and time. */
export const GZIP_LEVEL = 1
export const ZSTD_LEVEL = 1
/** Bytes that one job of the thread pool gives out at most: large enough to be few, small enough to let others in between. */
const MOST_CHUNK_BYTES = 1024 * 1024
const LEAST_CHUNK_BYTES = 1024

/**
 * Compresses a body on libuv's thread pool. Nothing of time or machine is in the result: Node writes no time into the
 * header of gzip. Another version of zlib or zstd may still give other bytes for the same body.
 */
export async function compress(compression: 'gzip' | 'zstd', body: readonly Buffer[]): Promise<Buffer[]> {
  const compressed: Buffer[] = []
  const sizeBytes = sizeOf(body)
  await pipeline(Readable.from(body, { objectMode: true }), compressor(compression, sizeBytes), async (chunks) => {
    for await (const chunk of chunks) compressed.push(chunk as Buffer)
  })
  return compressed
}

function compressor(compression: 'gzip' | 'zstd', sizeBytes: number) {
  const chunkSize = Math.min(MOST_CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, sizeBytes))
  if (compression === 'gzip') return createGzip({ level: GZIP_LEVEL, chunkSize })
  return createZstdCompress({
    chunkSize,
    params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
  })
}
