import { expect, test } from 'vitest'
import { defined } from '../../src/lib/defined.ts'

test('what is undefined is left out, and nothing else; the order stays', () => {
  const kept = defined({ b: null, a: undefined, d: 0, c: '', e: false })
  expect(Object.entries(kept)).toEqual([
    ['b', null],
    ['d', 0],
    ['c', ''],
    ['e', false],
  ])
})
