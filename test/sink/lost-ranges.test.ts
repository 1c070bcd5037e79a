import { expect, test } from 'vitest'
import { LostRanges } from '../../src/sink/lost-ranges.ts'

const range = (from: bigint, to: bigint, { topic = 't', partition = 0, atMs = 0 } = {}) => ({
  topic,
  partition,
  from,
  to,
  atMs,
})

test('every lost offset is counted once, though its range is found again and again', () => {
  const lost = new LostRanges()
  lost.add(range(10n, 20n))
  lost.add(range(10n, 20n, { atMs: 1 }))
  lost.add(range(10n, 25n, { atMs: 2 }))
  lost.add(range(5n, 25n, { atMs: 3 }))
  expect(lost.newest).toEqual([range(5n, 25n, { atMs: 3 })])
  expect(lost.offsets).toBe(20)
})

test('ranges that only touch, or are of other partitions, stay apart', () => {
  const lost = new LostRanges()
  for (const each of [range(0n, 5n), range(5n, 7n), range(0n, 5n, { partition: 1 }), range(0n, 5n, { topic: 'u' })])
    lost.add(each)
  expect(lost.newest).toHaveLength(4)
  expect(lost.offsets).toBe(17)
})

test('one range may close the gap between two that are known', () => {
  const lost = new LostRanges()
  for (const each of [range(0n, 5n), range(8n, 10n), range(4n, 9n)]) lost.add(each)
  expect(lost.newest).toEqual([range(0n, 10n)])
  expect(lost.offsets).toBe(10)
})

test('the newest thousand are kept, as what reads them adds up no others, and all are counted', () => {
  const lost = new LostRanges()
  for (let partition = 0; partition < 1_050; partition++) lost.add(range(0n, 2n, { partition }))
  expect(lost.newest.map(({ partition }) => partition)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 50))
  expect(lost.offsets).toBe(2_100)
})
