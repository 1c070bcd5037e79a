import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BodyEncoder, contentTypeOf } from '../../../src/sink/encode/body-encoder.ts'
import { linesOf, parquetRows } from '../../support/parquet.ts'

const encoder = new BodyEncoder()
const eventType = 'game_telemetry'
const chunks = linesOf(Array.from({ length: 5_000 }, (_, id) => ({ EventId: `e${id}`, EventName: 'login' })))
const lines = Buffer.concat(chunks)
const encode = async (format: 'ndjson' | 'parquet', compression: 'none' | 'gzip' | 'zstd', body: Buffer[] = chunks) =>
  Buffer.concat(await encoder.encode(body, { format, compression, eventType }))

describe('a body', () => {
  test('of plain lines is the lines themselves, not copied', async () => {
    expect(await encoder.encode(chunks, { format: 'ndjson', compression: 'none', eventType })).toBe(chunks)
  })

  test.each([
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ] as const)(
    'in %s gives the lines back, is smaller, and is the same whenever it is made',
    async (compression, decompress) => {
      const body = await encode('ndjson', compression)
      expect(decompress(body).equals(lines)).toBe(true)
      expect(body.length).toBeLessThan(lines.length / 4)
      expect((await encode('ndjson', compression)).equals(body)).toBe(true)
    },
  )

  test('in gzip carries no time of its making (RFC 1952: MTIME is 0)', async () => {
    expect((await encode('ndjson', 'gzip')).subarray(4, 8)).toEqual(Buffer.alloc(4))
  })

  test.each(['none', 'gzip', 'zstd'] as const)(
    'in Parquet with %s has the same events as rows',
    async (compression) => {
      const rows = await parquetRows(await encode('parquet', compression))
      expect(rows.map(({ EventId }) => EventId)).toEqual(chunks.map((_, id) => `e${id}`))
    },
  )

  test('does not hold up the main thread', async () => {
    const large = Array.from({ length: 20 }, () => lines)
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    await Promise.all([encode('ndjson', 'gzip', large), encode('parquet', 'zstd', large)])
    clearInterval(turning)
    expect(turns).toBeGreaterThan(10)
  })
})

test('the content type is that of the file, as it lies in the bucket', () => {
  expect(contentTypeOf({ format: 'ndjson', compression: 'none' })).toBe('application/x-ndjson')
  expect(contentTypeOf({ format: 'ndjson', compression: 'gzip' })).toBe('application/gzip')
  expect(contentTypeOf({ format: 'ndjson', compression: 'zstd' })).toBe('application/zstd')
  expect(contentTypeOf({ format: 'parquet', compression: 'gzip' })).toBe('application/vnd.apache.parquet')
})
