import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bitIndexes, bloomFilterOf, fingerprintOf, mightContain } from '../../../src/admin/auth/bloom-filter.ts'

it('sets the bits that Guava sets (vector of AccelByte/bloom, exported from Guava)', () => {
  expect(bitIndexes(fingerprintOf('this_is_a_test_string'), 9600, 7)).toEqual([3942, 6555, 9168, 2181, 4794, 7407, 420])
})

it('never denies what was put in', () => {
  const texts = fc.uniqueArray(fc.string({ maxLength: 60 }), { maxLength: 40 })
  fc.assert(
    fc.property(texts, (elements) => {
      const filter = bloomFilterOf(elements.map(fingerprintOf))
      return elements.every((element) => mightContain(filter, element))
    }),
  )
})

it.each([1, 1_500])('of %d rarely affirms what was not', (count) => {
  const filter = bloomFilterOf(Array.from({ length: count }, (_, i) => fingerprintOf(`revoked ${i}`)))
  const wrong = Array.from({ length: 10_000 }, (_, i) => `valid ${i}`).filter((each) => mightContain(filter, each))
  expect(wrong.length).toBeLessThanOrEqual(2)
})

it('of nothing holds nothing', () => {
  expect(mightContain({ bits: [], k: 7 }, 'anything')).toBe(false)
  expect(mightContain(bloomFilterOf([]), 'anything')).toBe(false)
})
