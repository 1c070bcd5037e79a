import { expect, test } from 'vitest'
import { parseQuantity } from './quantity.ts'

test.each([
  ['500m', 0.5],
  ['2', 2],
  ['1.5', 1.5],
  ['1Gi', 1_073_741_824],
  ['100M', 100_000_000],
  ['1e3', 1000],
  ['1E', 1e18],
])('%s is %d', (text, expected) => {
  expect(parseQuantity(text)).toBeCloseTo(expected)
})

test.each(['', 'much', '1Q', 'Mi'])('%j is refused', (text) => {
  expect(() => parseQuantity(text)).toThrow(`"${text}" is not a quantity`)
})
