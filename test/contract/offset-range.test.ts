import { expect, test } from 'vitest'
import { lengthOf, overlaps, unionOf } from '../../src/contract/offset-range.ts'

const range = (from: bigint, to: bigint) => ({ from, to })

test('ranges that only touch do not overlap, as the end is not part of one', () => {
  expect(overlaps(range(0n, 5n), range(5n, 9n))).toBe(false)
  expect(overlaps(range(5n, 9n), range(0n, 5n))).toBe(false)
  expect(overlaps(range(0n, 6n), range(5n, 9n))).toBe(true)
  expect(overlaps(range(0n, 9n), range(3n, 4n))).toBe(true)
})

test('the union of two is as long as both, less what they share', () => {
  expect(unionOf(range(5n, 9n), range(0n, 6n))).toEqual(range(0n, 9n))
  expect(unionOf(range(0n, 9n), range(3n, 4n))).toEqual(range(0n, 9n))
  expect(lengthOf(unionOf(range(5n, 9n), range(0n, 6n)))).toBe(9)
})
