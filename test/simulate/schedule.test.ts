import { describe, expect, test } from 'vitest'
import { caughtAt } from './broken-designs.ts'
import { BROKEN } from './design.ts'
import { runSchedule } from './schedule.ts'

const SCHEDULES = 5_000

test('whatever crashes, delays, rebalances and edits befall the sinks, every record is in exactly one object', async () => {
  const failed = []
  let replays = 0
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const outcome = await runSchedule(seed)
    replays += outcome.replays
    if (outcome.violations.length > 0) failed.push([seed, outcome.violations])
  }
  expect(failed).toEqual([])
  expect(replays).toBeGreaterThan(SCHEDULES / 10)
})

test('a schedule happens again exactly as it did', async () => {
  const [once, again] = [await runSchedule(7, { traced: true }), await runSchedule(7, { traced: true })]
  expect(again).toEqual(once)
  expect((await runSchedule(8, { traced: true })).trace).not.toEqual(once.trace)
})

describe('the simulation can fail: it catches', () => {
  test.each(Object.entries(BROKEN))('%s', async (_name, design) => {
    expect(await caughtAt(design)).not.toBe(null)
  })
})
