import { beforeEach, expect, test } from 'vitest'
import type { FlushReason } from '../../src/sink/flush-policy.ts'
import { OpenSet } from '../../src/sink/open-set.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { SinkStats } from '../../src/sink/sink-stats.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { events, sinkConfig } from '../support/sink-process.ts'

let clock: FakeClock
let stats: SinkStats
let onTime: FlushReason[]
let open: OpenSet

beforeEach(() => {
  clock = new FakeClock()
  stats = new SinkStats()
  onTime = []
  const limits = { intervalMs: 60_000, events: 10, bytes: 1_000, objects: 10 }
  const parts = { plan: compilePlan(sinkConfig()), limits, slabs: new SlabPool(0), stats, clock }
  open = new OpenSet({ topic: TOPIC, partition: 0 }, parts, (reason) => onTime.push(reason))
})

function read(...lines: string[]): void {
  for (const record of new ScriptedPartition().append(...lines).records) open.set?.add(record, clock.now())
  open.armTimer()
}

test('it is closed for the first reason that was asked for, and the next set begins where it ends', async () => {
  open.begin(0n)
  read(...events(0, 3))
  const askedAtMs = clock.elapsed()
  open.ask('interval')
  await clock.advance(500)
  open.ask('shutdown')
  const closed = open.cutIfDue()
  expect(closed?.due).toEqual({ reason: 'interval', atMs: askedAtMs })
  expect([closed?.set.startOffset, closed?.set.endOffset, open.set?.startOffset]).toEqual([0n, 3n, 3n])
})

test('it stays as it is while nothing has asked, and where it has nothing', () => {
  open.begin(7n)
  open.ask('rebalance')
  expect(open.cutIfDue()).toBeNull()
  read(...events(0, 1))
  expect([open.cutIfDue(), open.set?.startOffset]).toEqual([null, 7n])
})

test('what was forgotten is counted as given up, and is due no more', async () => {
  open.begin(0n)
  read(...events(0, 2))
  open.ask('memory')
  open.forget()
  open.begin(0n)
  read(...events(0, 1))
  expect([stats.abandoned, open.cutIfDue()]).toEqual([2, null])
  open.forget()
  await clock.advance(60_000)
  expect([onTime, clock.pendingTimers]).toEqual([[], 0])
})
