import { beforeEach, expect, test } from 'vitest'
import { FakeBucket } from '../support/fake-bucket.ts'
import { ScriptedPartition } from '../support/scripted-source.ts'
import { events, SinkProcess } from '../support/sink-process.ts'
import { DONE, dieWithIntents, flush, intentOf } from './tenure-words.ts'

const config = flush({ events: 4 })

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3).append(...events(0, 10))
})

/** Kafka loses what is at `from` and behind it, and has others there. */
function replace(from: number, ...values: string[]): void {
  log.records.splice(from)
  log.append(...values)
}

test('what was read and not promised is left, and what Kafka has there now is delivered', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(7)
  await sink.settle()
  replace(5, ...events(105, 112))
  expect(await held.truncated(5n)).toBe(4n)
  await held.feed()
  await held.revoke()
  expect(bucket.lines()).toEqual([...events(0, 5), ...events(105, 112)])
  expect(log.committed).toEqual({ offset: 12n, metadata: DONE })
  expect(sink.sink.status()).toMatchObject({ error: null, lost: { offsets: 0 } })
  expect(sink.stats).toMatchObject({ delivered: 12, rejected: 0, filtered: 0 })
})

test('a partition of which something delivered was replaced stops, and says what and how to go on', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(7)
  await sink.settle()
  replace(3, ...events(103, 112))
  expect(await held.truncated(3n)).toBe(null)
  expect(sink.sink.status()).toMatchObject({
    state: 'FAILED',
    error: expect.stringMatching(/partition 3 is stopped: Kafka has lost offsets 3 to 6, .*spec\.kafka\.epoch/),
  })
  await held.revoke()
  expect(bucket.lines()).toEqual(events(0, 4))
  expect(log.committed).toEqual({ offset: 4n, metadata: DONE })
})

test('a set that is on its way is finished first', async () => {
  const sink = new SinkProcess(bucket, { config })
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await sink.source.assign(log)
  void held.feed(4)
  await sink.settle()
  let goesOnAt: bigint | null | undefined
  void held.truncated(4n).then((next) => {
    goesOnAt = next
  })
  await sink.settle()
  expect(goesOnAt).toBe(undefined)
  written.resolve()
  await sink.settle()
  expect([goesOnAt, log.committed.offset]).toEqual([4n, 4n])
})

test('a promised set that reads differently now stops the partition, and nothing is written', async () => {
  await dieWithIntents([log], bucket, config)
  expect(intentOf(log)).not.toBeNull()
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  await held.feed(3)
  replace(2, ...events(102, 112))
  expect(await held.truncated(2n)).toBe(0n)
  void held.feed(4)
  await next.settle()
  expect(next.sink.status().error).toMatch(/were promised as 4 records/)
  await held.revoke()
  expect(bucket.lines()).toEqual([])
})

test('a promised set whose end is beyond the log says so to who reads it, and stops the partition', async () => {
  await dieWithIntents([log], bucket, config)
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  expect(held.handler.promisedTo).toBe(4n)
  expect(await held.handler.outOfRange(4n, { startOffset: 0n, endOffset: 2n })).toBe(null)
  expect(next.sink.status()).toMatchObject({
    state: 'FAILED',
    error: expect.stringMatching(/partition 3 is stopped: offset 4 is beyond the end of the log \(0 to 2\)/),
  })
  await held.revoke()
  expect(bucket.lines()).toEqual([])
})
