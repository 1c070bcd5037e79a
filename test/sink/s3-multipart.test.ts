import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitIntoParts } from '../../src/sink/s3-multipart.ts'

const sizesOf = (parts: Buffer[][]) => parts.map((part) => part.reduce((sum, piece) => sum + piece.length, 0))

test('every part but the last has exactly the part size, and together they are the body', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)))
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 70 }), (body, partSizeBytes) => {
      const parts = splitIntoParts(body, partSizeBytes)
      expect(Buffer.concat(parts.flat())).toEqual(Buffer.concat(body))
      expect(
        sizesOf(parts)
          .slice(0, -1)
          .every((size) => size === partSizeBytes),
      ).toBe(true)
      expect(sizesOf(parts).every((size) => size > 0)).toBe(true)
    }),
  )
})

test('parts grow where ten thousand would not do', () => {
  const parts = splitIntoParts([Buffer.alloc(25_000)], 1)
  expect(parts).toHaveLength(8_334)
})

test('pieces are slices of the chunks, not copies', () => {
  const chunk = Buffer.alloc(10)
  expect(
    splitIntoParts([chunk], 4)
      .flat()
      .every((piece) => piece.buffer === chunk.buffer),
  ).toBe(true)
})
