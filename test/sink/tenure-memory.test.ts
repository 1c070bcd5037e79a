import pino from 'pino'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { TenureLostError } from '../../src/sink/record-source.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import type { PartitionTenure } from '../../src/sink/tenure.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { ScriptedPartition, type ScriptedTenure } from '../support/scripted-source.ts'
import { event, events, SinkProcess, sinkConfig } from '../support/sink-process.ts'
import { DONE, dieWithIntents, flush, intentOf } from './tenure-words.ts'

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3)
})

describe('memory', () => {
  test('of records is given back however their set ends: delivered, lost while it is written, lost while it is open', async () => {
    const taken = vi.spyOn(SlabPool.prototype, 'take')
    const given = vi.spyOn(SlabPool.prototype, 'give')
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const held = await sink.source.assign(log.append(...events(0, 5)))
    await held.feed(2)
    await sink.settle()
    expect(sink.stats.delivered).toBe(2)
    bucket.onCreate = () => Promise.reject(new Error('socket hang up'))
    void held.feed()
    await sink.settle()
    held.lose()
    await sink.settle()
    expect(taken).toHaveBeenCalledTimes(3)
    expect(given.mock.calls.flatMap(([slabs]) => slabs)).toHaveLength(3)
    vi.restoreAllMocks()
  })

  test('of two sets is given back when the commit is refused that would end the one and promise the other', async () => {
    const taken = vi.spyOn(SlabPool.prototype, 'take')
    const given = vi.spyOn(SlabPool.prototype, 'give')
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    log.onCommit = (offset) => {
      if (offset === 2n) throw new TenureLostError('REBALANCE')
    }
    const held = await sink.source.assign(log.append(...events(0, 4)))
    void held.feed()
    await sink.settle()
    held.lose()
    await sink.settle()
    expect(bucket.lines()).toEqual(events(0, 2))
    expect(sink.stats.read).toBe(0)
    expect(given.mock.calls.flatMap(([slabs]) => slabs)).toHaveLength(taken.mock.calls.length)
    vi.restoreAllMocks()
  })

  test('over the budget the largest set is flushed and its reader waits until it is written', async () => {
    const sink = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 100_000 }) })
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const small = await sink.source.assign(new ScriptedPartition(1).append(event(0)))
    await small.feed()
    const large = await sink.source.assign(
      log.append(JSON.stringify({ ...JSON.parse(event(1)), pad: 'x'.repeat(120_000) })),
    )
    let settled = false
    const feeding = large.feed().then(() => {
      settled = true
    })
    await sink.settle()
    expect(settled).toBe(false)
    expect(intentOf(log)?.reason).toBe('memory')
    written.resolve()
    await feeding
    expect(log.committed).toEqual({ offset: 1n, metadata: DONE })
    expect(sink.stats).toMatchObject({ read: 2, delivered: 1 })
  })

  test('over the budget what is open behind a set on its way waits for that one', async () => {
    const sink = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 100_000 }) })
    const padded = (id: number, bytes: number) => JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(bytes) })
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const held = await sink.source.assign(log.append(padded(0, 20_000), padded(1, 90_000)))
    await held.feed(1)
    await sink.clock.advance(60_000)
    let settled = false
    const feeding = held.feed(1).then(() => {
      settled = true
    })
    await sink.settle()
    expect([settled, bucket.keys]).toEqual([false, []])
    written.resolve()
    await feeding
    expect(bucket.lines()).toHaveLength(1)
  })

  test('the first flush for want of memory is told in the log, the next ones are not', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) })
    const sink = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 100_000 }), logger })
    const held = await sink.source.assign(log)
    for (const id of [1, 2]) {
      log.append(JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(120_000) }))
      await held.feed()
    }
    expect(bucket.keys).toHaveLength(2)
    expect(lines).toEqual([expect.stringContaining('the memory for records is full')])
  })

  test('a replay larger than the budget is read to its end', async () => {
    const pad = 'x'.repeat(60_000)
    const config = sinkConfig({ flush: { intervalMs: 60_000, events: 3, bytes: 1_000_000 } })
    const padded = (id: number) => JSON.stringify({ ...JSON.parse(event(id)), pad })
    await dieWithIntents([log.append(padded(0), padded(1), padded(2))], bucket, config)
    const second = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 50_000 }), older: [config] })
    const held = await second.source.assign(log)
    await held.feed(1)
    await held.feed(1)
    await held.feed(1)
    await second.settle()
    expect(bucket.lines()).toHaveLength(3)
  })

  test.each([
    ['stops, as it reads other records than were promised', (held: ScriptedTenure) => void held.feed()],
    ['is lost', (held: ScriptedTenure) => held.lose()],
  ])('of a replay that %s goes to the one that waits for it', async (_what, end) => {
    const config = sinkConfig({ flush: { intervalMs: 60_000, events: 3, bytes: 1_000_000 } })
    const padded = (id: number) => JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(60_000) })
    const logs = [0, 1].map((partition) => new ScriptedPartition(partition).append(...[0, 1, 2].map(padded)))
    await dieWithIntents(logs, bucket, config)
    const last = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 50_000 }), older: [config] })
    const [other, waits] = logs as [ScriptedPartition, ScriptedPartition]
    const altered = new ScriptedPartition(0).append(...[7, 8, 9].map(padded))
    altered.committed = other.committed
    const [first, second] = [await last.source.assign(altered), await last.source.assign(waits)]
    await first.feed(1)
    let fed = 0
    const feeding = (async () => {
      for (; fed < 3; fed++) await second.feed(1)
    })()
    await last.settle()
    expect(fed).toBe(0)
    end(first)
    await last.settle()
    expect(fed).toBe(3)
    await feeding
    await last.settle()
    expect(bucket.lines()).toHaveLength(3)
    expect(waits.committed).toEqual({ offset: 3n, metadata: DONE })
  })

  test('of the sets of many pods, replayed by one, is not held at once', async () => {
    const config = sinkConfig({ flush: { intervalMs: 60_000, events: 10, bytes: 1_000_000 }, bufferBytes: 200_000 })
    const padded = (id: number) => JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(10_000) })
    const logs = Array.from({ length: 8 }, (_, partition) =>
      new ScriptedPartition(partition).append(...Array.from({ length: 10 }, (_, id) => padded(id))),
    )
    await dieWithIntents(logs, bucket, config)
    const last = new SinkProcess(bucket, { config })
    const held = await Promise.all(logs.map((each) => last.source.assign(each)))
    const heldBytes = () => {
      const owners = held.map(({ handler }) => handler as PartitionTenure)
      return owners.reduce((sum, { openBytes, inFlightBytes }) => sum + openBytes + inFlightBytes, 0)
    }
    let mostBytes = 0
    const feedAll = async (tenure: ScriptedTenure) => {
      for (let fed = 0; fed < 10; fed++) {
        await tenure.feed(1)
        mostBytes = Math.max(mostBytes, heldBytes())
      }
    }
    await Promise.all(held.map(feedAll))
    await last.settle()
    expect(bucket.lines()).toHaveLength(80)
    expect(mostBytes).toBeLessThan(500_000)
  })

  test('of a replay that stops is given back to those who wait for it', async () => {
    const config = sinkConfig({ flush: { intervalMs: 60_000, events: 2, bytes: 1_000_000 }, bufferBytes: 50_000 })
    const padded = (id: number) => JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(60_000) })
    const [changed, other] = [new ScriptedPartition(1), new ScriptedPartition(2)]
    for (const each of [changed, other]) each.append(padded(0), padded(1))
    await dieWithIntents([changed, other], bucket, config)
    const last = new SinkProcess(bucket, { config })
    const unlike = new ScriptedPartition(1).append(padded(7), padded(8))
    unlike.committed = changed.committed
    const [stopping, waiting] = [await last.source.assign(unlike), await last.source.assign(other)]
    await stopping.feed(1)
    const feeding = waiting.feed(1).then(() => waiting.feed(1))
    void stopping.feed(1)
    await last.settle()
    expect(last.sink.status().error).toMatch(/partition 1 is stopped: offsets 0 to 2 were promised/)
    await feeding
    expect(bucket.lines()).toEqual([padded(0), padded(1)])
  })
})
