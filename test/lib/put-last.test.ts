import { expect, test } from 'vitest'
import { putLast } from '../../src/lib/put-last.ts'

test('what is put in again goes behind all others, and of too many the first is dropped', () => {
  const map = new Map<string, number>()
  for (const [key, value] of Object.entries({ a: 1, b: 2, c: 3 })) putLast(map, key, value, 3)
  putLast(map, 'a', 4, 3)
  expect([...map]).toEqual([
    ['b', 2],
    ['c', 3],
    ['a', 4],
  ])
  putLast(map, 'd', 5, 3)
  expect([...map.keys()]).toEqual(['c', 'a', 'd'])
})
