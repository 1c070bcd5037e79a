import { crc32c as other } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/sink/kafka/crc32c.ts'
import { WASM_LAYOUT, wasmBytes } from '../../../src/sink/wasm-memory.ts'

test('has the values of RFC 3720', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
  const values = [Buffer.alloc(32), Buffer.alloc(32, 0xff), ascending, Buffer.from('123456789'), Buffer.alloc(0)]
  expect(values.map((bytes) => crc32c(bytes, 0, bytes.length).toString(16))).toEqual([
    '8a9136aa',
    '62a8ab43',
    '46dd794e',
    'e3069283',
    '0',
  ])
})

test('is that of another implementation, for any bytes of any length from any place on, wherever they lie', () => {
  const ranges = [
    [0, 100],
    [3_000, 20_000],
    [65_000, 200_000],
  ] as const
  const size = fc.oneof(...ranges.map(([min, max]) => fc.integer({ min, max })))
  fc.assert(
    fc.property(size, fc.integer(), fc.nat(40), (length, seed, start) => {
      const bytes = Buffer.from(
        Array.from({ length: start + length }, (_, i) => Math.imul(seed ^ i, 2_654_435_761) >>> 24),
      )
      const expected = other(bytes.subarray(start)) >>> 0
      expect(crc32c(bytes, start, start + length)).toBe(expected)
      const inPlace = wasmBytes.subarray(WASM_LAYOUT.answersAt, WASM_LAYOUT.answersAt + bytes.length)
      bytes.copy(inPlace)
      expect(crc32c(inPlace, start, start + length)).toBe(expected)
    }),
    { numRuns: 60 },
  )
})
