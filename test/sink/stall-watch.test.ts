import { expect, test } from 'vitest'
import { type Progress, StallWatch } from '../../src/sink/stall-watch.ts'

const MINUTE = 60_000
const waiting = { read: 7, lag: 100, isHeldUp: false }

test('a sink that reads nothing for five minutes while records wait is stalled', () => {
  const watch = new StallWatch()
  expect(watch.isStalled(waiting, 0)).toBe(false)
  expect(watch.isStalled(waiting, 5 * MINUTE - 1)).toBe(false)
  expect(watch.isStalled(waiting, 5 * MINUTE)).toBe(true)
})

test.each<[string, Partial<Progress>]>([
  ['it read something', { read: 8 }],
  ['nothing waits', { lag: 0 }],
  ['what waits is not known', { lag: null }],
  ['something known holds it up', { isHeldUp: true }],
])('it is not when %s meanwhile', (_, change) => {
  const watch = new StallWatch()
  watch.isStalled(waiting, 0)
  expect(watch.isStalled({ ...waiting, ...change }, 5 * MINUTE)).toBe(false)
  expect(watch.isStalled({ ...waiting, read: change.read ?? 7 }, 10 * MINUTE - 1)).toBe(false)
})
