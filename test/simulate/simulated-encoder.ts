import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Encoder } from '../../src/sink/encode/body-encoder.ts'
import type { Random } from './random.ts'

/**
 * Compresses at once instead of on a thread, which would answer at its own time. Each process has a level of its own, as
 * if it ran another release of zlib: equal lines become other bytes, and the object must be known for ours all the same.
 */
export function simulatedEncoder(random: Random): Encoder {
  const level = random.int(1, 9)
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return {
    encode: async (lines, { compression }) => {
      if (compression === 'none') return lines
      const body = Buffer.concat(lines)
      return [compression === 'gzip' ? gzipSync(body, { level }) : zstdCompressSync(body, { params })]
    },
  }
}

/** The lines of an object, without their line feeds. */
export function linesOf(key: string, body: Buffer): string[] {
  return plain(key, body).toString().split('\n').slice(0, -1)
}

function plain(key: string, body: Buffer): Buffer {
  if (key.endsWith('.gz')) return gunzipSync(body)
  return key.endsWith('.zst') ? zstdDecompressSync(body) : body
}
