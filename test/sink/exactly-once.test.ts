import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { Fate } from '../support/fate.ts'
import { ScriptedPartition, type ScriptedTenure } from '../support/scripted-source.ts'
import { event, SinkProcess, sinkConfig } from '../support/sink-process.ts'

/** What befalls one process before the next one takes over. */
const life = fc.record({
  actions: fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('produce' as const), count: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ kind: fc.constant('feed' as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
    ),
    { maxLength: 12 },
  ),
  diesAtStep: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(Number.POSITIVE_INFINITY)),
  lastStepTakesEffect: fc.boolean(),
  end: fc.constantFrom('revoked' as const, 'lost' as const, 'silent' as const),
  config: fc.constantFrom(0, 1, 2),
})

type Life = typeof life extends fc.Arbitrary<infer T> ? T : never

/** Revisions differ in path and in where they cut, so a replay under the wrong one shows. */
const CONFIGS: SinkConfig[] = [
  sinkConfig({ flush: { intervalMs: 60_000, events: 3, bytes: 1_000_000 } }),
  sinkConfig({ template: 'other/{eventName}/{topic}.json', flush: { intervalMs: 30_000, events: 5, bytes: 400 } }),
  sinkConfig({ template: 'flat/{topic}.json', flush: { intervalMs: 60_000, events: 2, bytes: 1_000_000 } }),
]

function produce(log: ScriptedPartition, count: number): void {
  for (let i = 0; i < count; i++) {
    const id = log.records.length
    if (id % 7 === 6) log.append(`broken ${id}`)
    else log.append(event(id, { name: id % 3 === 0 ? 'login' : 'logout' }))
  }
}

test('whatever crashes, rebalances and edits befall the sinks, every record is in exactly one object', async () => {
  const check = async (lives: Life[]) => {
    const bucket = new FakeBucket()
    const log = new ScriptedPartition()
    const processes: SinkProcess[] = []
    for (const { actions, diesAtStep, lastStepTakesEffect, end, config } of lives) {
      const fate = new Fate(diesAtStep, lastStepTakesEffect)
      const sink = new SinkProcess(bucket, { config: CONFIGS[config] as SinkConfig, older: CONFIGS, fate })
      processes.push(sink)
      const held = await sink.source.assign(log)
      for (const action of actions) {
        if (action.kind === 'produce') produce(log, action.count)
        else if (action.kind === 'wait') await sink.clock.advance(action.ms)
        else await settledOrStuck(sink, held.feed(action.count))
      }
      await finish(sink, held, end)
    }
    await drainWith(new SinkProcess(bucket, { older: CONFIGS }), log)
    for (const zombie of processes) await zombie.clock.advance(120_000)
    expect(errorsOf(processes)).toEqual([])
    expect(recordIds(bucket).sort((a, b) => a - b)).toEqual(log.records.map((_, id) => id))
  }
  await fc.assert(fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 6 }), check), { numRuns: 400 })
})

/** The source hands out the next batch only when the last has settled; one that never does keeps the partition. */
async function settledOrStuck(sink: SinkProcess, feeding: Promise<void>): Promise<void> {
  let stuck = true
  void feeding.then(() => {
    stuck = false
  })
  for (let round = 0; stuck && round < 3; round++) await sink.clock.advance(1)
}

async function finish(sink: SinkProcess, held: ScriptedTenure, end: 'revoked' | 'lost' | 'silent'): Promise<void> {
  if (end === 'lost') held.lose()
  if (end === 'revoked') void held.revoke()
  await sink.settle()
}

async function drainWith(sink: SinkProcess, log: ScriptedPartition): Promise<void> {
  const held = await sink.source.assign(log)
  await held.feed()
  await held.revoke()
  expect(sink.sink.status().error).toBe(null)
}

function errorsOf(processes: SinkProcess[]): string[] {
  return processes.flatMap((each) => each.sink.status().error ?? [])
}

function recordIds(bucket: FakeBucket): number[] {
  return bucket.lines().map((line) => {
    const { EventId, offset } = JSON.parse(line) as { EventId?: number; offset?: string }
    return EventId ?? Number(offset)
  })
}
