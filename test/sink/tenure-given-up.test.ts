import pino from 'pino'
import { beforeEach, expect, test } from 'vitest'
import { TenureLostError } from '../../src/sink/record-source.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { ScriptedPartition } from '../support/scripted-source.ts'
import { event, events, SinkProcess } from '../support/sink-process.ts'
import { DONE, dieWithIntents, flush, intentOf, keyAt } from './tenure-words.ts'

const config = flush({ events: 2 })

let bucket: FakeBucket
let log: ScriptedPartition
let errors: string[]
let sink: SinkProcess

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3)
  errors = []
  sink = new SinkProcess(bucket, {
    config,
    logger: pino({ level: 'error' }, { write: (line) => errors.push(line) }),
  })
})

test('revocation writes and commits what is buffered', async () => {
  const held = await sink.source.assign(log.append(event(0)))
  await held.feed()
  await held.revoke()
  expect(bucket.lines()).toEqual([event(0)])
  expect(log.committed).toEqual({ offset: 1n, metadata: DONE })
})

test('what is open behind a set on its way is written and committed too', async () => {
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await sink.source.assign(log.append(...events(0, 3)))
  await held.feed()
  const revoked = held.revoke()
  await sink.settle()
  written.resolve()
  await revoked
  expect(bucket.lines()).toEqual(events(0, 3))
  expect(log.committed).toEqual({ offset: 3n, metadata: DONE })
})

/** The partition is to be given up while an object of these events is written, and the time for that ends before it is. */
async function runOutOfTime(...values: string[]): Promise<void> {
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await sink.source.assign(log.append(...values))
  await held.feed()
  const deadline = new AbortController()
  const revoked = held.revoke('shutdown', deadline.signal)
  await sink.settle()
  deadline.abort()
  written.resolve()
  await revoked
  await sink.settle()
}

test('when the time runs out nothing more is promised, and nobody is called', async () => {
  await runOutOfTime(...events(0, 3))
  expect(log.commits).toHaveLength(2)
  expect(intentOf(log)).toMatchObject({ endOffset: 2n })
  expect(errors).toEqual([])
  expect(sink.sink.status()).toMatchObject({ state: 'ACTIVE', error: null })
})

test('when it runs out while what was open is written, the intent stays for the next owner and nothing is committed later', async () => {
  await runOutOfTime(event(0))
  expect(log.commits).toHaveLength(2)
  expect(intentOf(log)).toMatchObject({ endOffset: 1n, reason: 'shutdown' })
})

test('where there is no time at all nothing is promised', async () => {
  const held = await sink.source.assign(log.append(...events(0, 1)))
  await held.feed()
  await held.revoke('shutdown', AbortSignal.abort())
  await sink.settle()
  expect(log.commits).toHaveLength(1)
  expect(bucket.creates).toBe(0)
})

test('when the time runs out as the last object is written the end of its set is not committed', async () => {
  const deadline = new AbortController()
  bucket.afterCreate = () => deadline.abort()
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await sink.source.assign(log.append(...events(0, 2)))
  await held.feed()
  const revoked = held.revoke('shutdown', deadline.signal)
  written.resolve()
  await revoked
  await sink.settle()
  expect(bucket.keys).toEqual([keyAt(0)])
  expect(intentOf(log)).toMatchObject({ endOffset: 2n })
})

test('nor when it runs out while uploads that were left of the set are aborted', async () => {
  await dieWithIntents([log.append(...events(0, 2))], bucket, config)
  const deadline = new AbortController()
  bucket.onAbortUploads = () => {
    deadline.abort()
    return 0
  }
  const held = await sink.source.assign(log)
  const feeding = held.feed()
  await held.revoke('shutdown', deadline.signal)
  await feeding
  await sink.settle()
  expect(bucket.keys).toEqual([keyAt(0)])
  expect(intentOf(log)).toMatchObject({ endOffset: 2n })
})

test('a replay that was not read to its end leaves the intent as it is', async () => {
  await dieWithIntents([log.append(...events(0, 2))], bucket, config)
  const intent = log.committed
  const held = await sink.source.assign(log)
  await held.feed(1)
  await held.revoke()
  expect(intentOf(log)).not.toBeNull()
  expect(log.committed).toBe(intent)
})

test('a lost partition is forgotten: no timer, no memory, no count, no error of it stays', async () => {
  const held = await sink.source.assign(log.append(event(0)))
  await held.feed()
  held.lose()
  await sink.settle()
  expect(sink.clock.pendingTimers).toBe(0)
  await sink.clock.advance(120_000)
  expect(bucket.creates).toBe(0)
  expect(sink.sink.status()).toMatchObject({ state: 'ACTIVE', records: { read: 0, delivered: 0 } })
})

test('where all is delivered nothing is committed once more', async () => {
  const held = await sink.source.assign(log.append(...events(0, 2)))
  await held.feed()
  await sink.settle()
  const commits = log.commits.length
  await held.revoke()
  expect(log.commits).toHaveLength(commits)
})

test('a set that waits for the one before it is timed, and named by what closed it, from when it was full', async () => {
  const told: { reason: string; durationMs: number }[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => told.push(JSON.parse(line)) })
  const timed = new SinkProcess(bucket, { config, logger })
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await timed.source.assign(log.append(...events(0, 6)))
  void held.feed(4)
  await timed.clock.advance(10_000)
  const revoked = held.revoke()
  await timed.clock.advance(5_000)
  written.resolve()
  await revoked
  const again = await timed.source.assign(log)
  await again.feed(2)
  await timed.settle()
  const sets = told.filter(({ durationMs }) => durationMs !== undefined)
  expect(sets.map(({ reason, durationMs }) => [reason, durationMs])).toEqual([
    ['events', 15_000],
    ['events', 15_000],
    ['events', 0],
  ])
})

test('a commit that is refused as the partition is another’s by now calls nobody', async () => {
  log.onCommit = () => {
    throw new TenureLostError('REBALANCE')
  }
  const held = await sink.source.assign(log.append(...events(0, 2)))
  void held.feed()
  await sink.settle()
  expect(errors).toEqual([])
  expect(sink.sink.status()).toMatchObject({ state: 'ACTIVE', error: null })
  held.lose()
})

test('a partition that had stopped is no problem of this sink any more', async () => {
  bucket.put(keyAt(0), 'not ours')
  const held = await sink.source.assign(log.append(...events(0, 2)))
  void held.feed()
  await sink.settle()
  expect(sink.sink.status().state).toBe('FAILED')
  await held.revoke()
  expect(sink.sink.status()).toMatchObject({ state: 'ACTIVE', error: null })
})
