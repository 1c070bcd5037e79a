import { beforeEach, describe, expect, test } from 'vitest'
import { FakeBucket } from '../support/fake-bucket.ts'
import { ScriptedPartition } from '../support/scripted-source.ts'
import { event, events, SinkProcess, sinkConfig } from '../support/sink-process.ts'
import { recordBatch, sourceRecord } from '../support/source-records.ts'
import { DONE, flush, intentIn, keyAt } from './tenure-words.ts'

const BY_THE_QUARTER = sinkConfig({ template: '{hh}{mm}/{topic}.json' }).path

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3)
})

describe('accumulating', () => {
  test('a set is cut exactly where an object is full, and keys name partition and first offset', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 4 }) })
    const held = await sink.source.assign(log.append(...events(0, 10)))
    await held.feed()
    await sink.settle()
    expect(bucket.keys).toEqual([keyAt(0), keyAt(4)])
    expect(bucket.lines()).toEqual(events(0, 8))
    expect(log.committed).toEqual({ offset: 8n, metadata: DONE })
  })

  test('the limit of bytes is that of one object, not of the set', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ bytes: 220 }) })
    const login = events(0, 3)
    const logout = events(3, 6, { name: 'logout' })
    const held = await sink.source.assign(log.append(...login.flatMap((line, i) => [line, logout[i] ?? ''])))
    await held.feed()
    await sink.settle()
    expect(bucket.keys.every((key) => key.endsWith('-00003-00000000000000000000.json'))).toBe(true)
    expect(bucket.lines('events/login/')).toEqual(login)
    expect(bucket.lines('events/logout/')).toEqual(logout.slice(0, 2))
  })

  test('an idle partition is flushed when the interval since its first record has passed', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ intervalMs: 60_000 }) })
    const held = await sink.source.assign(log.append(...events(0, 2)))
    await held.feed(1)
    await sink.clock.advance(30_000)
    await held.feed(1)
    await sink.clock.advance(29_999)
    expect(bucket.keys).toEqual([])
    await sink.clock.advance(1)
    expect(bucket.lines()).toEqual(events(0, 2))
    expect(sink.clock.pendingTimers).toBe(0)
  })

  test('the interval begins anew with the first record that is kept, though the filter left some out before it', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ intervalMs: 60_000 }) })
    const held = await sink.source.assign(log.append(event(0, { namespace: 'other' }), event(1)))
    await held.feed(1)
    await sink.clock.advance(30_000)
    await held.feed(1)
    await sink.clock.advance(59_999)
    expect(bucket.keys).toEqual([])
    await sink.clock.advance(1)
    expect(bucket.lines()).toEqual([event(1)])
  })

  test('nor does a clock that is set back delay it by more than another interval', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ intervalMs: 60_000 }) })
    const held = await sink.source.assign(log.append(event(0, { namespace: 'other' }), event(1)))
    await held.feed(1)
    await sink.clock.advance(30_000)
    await held.feed(1)
    sink.clock.set(-3_600_000)
    await sink.clock.advance(90_000)
    expect(bucket.lines()).toEqual([event(1)])
  })

  test('an idle partition is flushed in time though the machine’s clock is set back meanwhile', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ intervalMs: 60_000 }) })
    const held = await sink.source.assign(log.append(...events(0, 2)))
    await held.feed(2)
    sink.clock.set(-3_600_000)
    await sink.clock.advance(60_000)
    expect(bucket.lines()).toEqual(events(0, 2))
  })

  test('the last events of a time partition are flushed soon after it though they begin a set after its end', async () => {
    const limits = { intervalMs: 3_600_000, events: 2, bytes: 1_000_000 }
    const sink = new SinkProcess(bucket, { config: { ...flush(limits), path: BY_THE_QUARTER } })
    const held = await sink.source.assign(log.append(...events(0, 4)))
    await sink.clock.advance(10 * 60_000 + 5_000)
    // The limit of events is reached just then; what comes next is of 12:05 too, by Kafka's time.
    await held.feed(2)
    await sink.clock.advance(1_000)
    await held.feed(1)
    await sink.clock.advance(23_999)
    expect(bucket.lines()).toEqual(events(0, 2))
    await sink.clock.advance(1)
    expect(bucket.lines()).toEqual(events(0, 3))
    await held.feed(1)
    await sink.clock.advance(14 * 60_000)
    expect(bucket.lines()).toEqual(events(0, 3))
  })

  test('late events are objects of the set that they are read in: they cause no flush of their own', async () => {
    const sink = new SinkProcess(bucket, { config: { ...flush({}), path: BY_THE_QUARTER } })
    const hours = ['01', '02', '03', '04', '12', '05', '12']
    hours.forEach((hour, id) => {
      const timestampMs = Date.parse(`2026-03-01T${hour}:05:00Z`)
      log.records.push(sourceRecord({ offset: BigInt(id), timestampMs, value: Buffer.from(event(id)) }))
    })
    const held = await sink.source.assign(log)
    for (const _ of hours) await held.feed(1)
    await sink.clock.advance(59_999)
    expect(bucket.keys).toEqual([])
    await sink.clock.advance(1)
    expect(bucket.keys.map((key) => key.slice(0, 2))).toEqual(['01', '02', '03', '04', '05', '12'])
    expect(log.committed).toEqual({ offset: 7n, metadata: DONE })
  })

  test('reading goes on while a set is written; one commit is its end and the intent of the next', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const held = await sink.source.assign(log.append(...events(0, 5)))
    await held.feed(3)
    const full = held.feed(1)
    await sink.settle()
    expect(log.commits.map(({ offset }) => offset)).toEqual([0n, 0n])
    written.resolve()
    await full
    await held.feed()
    await sink.settle()
    expect(bucket.keys).toEqual([keyAt(0), keyAt(2)])
    expect(log.commits.map(({ offset, metadata }) => [offset, metadata === DONE])).toEqual([
      [0n, true],
      [0n, false],
      [2n, false],
      [4n, true],
    ])
  })

  test('the interval of what comes after a wait for S3 begins after it', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2, intervalMs: 60_000 }) })
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const held = await sink.source.assign(log.append(...events(0, 5)))
    const feeding = held.feed()
    await sink.clock.advance(50_000)
    written.resolve()
    await feeding
    await sink.clock.advance(59_999)
    expect(bucket.lines()).toEqual(events(0, 4))
    await sink.clock.advance(1)
    expect(bucket.lines()).toEqual(events(0, 5))
  })

  test('offsets without records are passed over and belong to the set before them', async () => {
    const sink = new SinkProcess(bucket)
    const held = await sink.source.assign(log)
    log.append(event(0))
    await held.feedBatch(recordBatch(log.records, { nextOffset: 7n }))
    await held.revoke()
    expect(log.committed).toEqual({ offset: 7n, metadata: DONE })
    expect(bucket.objects.get(keyAt(0))?.metadata['end-offset']).toBe('7')
  })

  test('a transaction’s marker behind the last set is committed past when the interval has gone by, once and without an object', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 1 }) })
    const held = await sink.source.assign(log)
    await held.feedBatch(recordBatch(log.append(event(0)).records, { nextOffset: 1n }))
    await sink.settle()
    await held.feedBatch(recordBatch([], { nextOffset: 2n }))
    await sink.clock.advance(59_999)
    expect(log.committed).toEqual({ offset: 1n, metadata: DONE })
    await sink.clock.advance(1)
    expect(log.committed).toEqual({ offset: 2n, metadata: DONE })
    const commits = log.commits.length
    await sink.clock.advance(3_600_000)
    expect([log.commits.length - commits, sink.clock.pendingTimers, bucket.keys]).toEqual([0, 0, [keyAt(0)]])
  })

  test('what the filter leaves out moves the committed offset on without an object', async () => {
    const sink = new SinkProcess(bucket)
    const held = await sink.source.assign(log.append(...events(0, 3, { namespace: 'other' })))
    await held.feed()
    await sink.clock.advance(60_000)
    expect(log.commits.at(-1)).toEqual({ offset: 3n, metadata: DONE })
    expect(log.commits.map(({ metadata }) => intentIn(metadata))).toEqual([null, null])
    expect(bucket.keys).toEqual([])
    expect(sink.stats).toEqual({ read: 3, delivered: 0, rejected: 0, filtered: 3 })
  })

  test('what is left out behind a set on its way is committed with the end of that one, and promised to nobody', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const held = await sink.source.assign(log.append(...events(0, 2), ...events(2, 5, { namespace: 'other' })))
    await held.feed()
    await sink.clock.advance(60_000)
    written.resolve()
    await sink.settle()
    expect(log.commits.map(({ offset, metadata }) => [offset, metadata === DONE])).toEqual([
      [0n, true],
      [0n, false],
      [5n, true],
    ])
  })

  test('rejects are an object of the same set, and every record is counted once', async () => {
    const sink = new SinkProcess(bucket)
    const noName = '{"EventNamespace":"acme"}'
    const held = await sink.source.assign(log.append(event(0), null, 'no json', '[1]', '{"EventName":"x"}', noName))
    await held.feed()
    await held.revoke()
    const key = '_errors/games/game-events/analytics_game_telemetry.dev.acme.login-00003-00000000000000000000.json'
    const reasons = bucket.lines(key).map((line) => JSON.parse(line).reason)
    expect(reasons).toEqual(['tombstone', 'not_json', 'not_object', 'no_namespace', 'no_event_name'])
    expect(sink.stats).toEqual({ read: 6, delivered: 1, rejected: 5, filtered: 0 })
  })

  test('a group without offsets holds on to where it starts before the first record is read', async () => {
    for (const startFrom of ['earliest', 'latest'] as const) {
      const idle = new ScriptedPartition().append(...events(0, 5))
      const config = sinkConfig({ kafka: { bootstrapServers: ['k:1'], groupId: 'g', startFrom, epoch: 0 } })
      const held = await new SinkProcess(bucket, { config }).source.assign(idle)
      await held.feed(0)
      expect(idle.committed).toEqual({ offset: startFrom === 'latest' ? 5n : 0n, metadata: DONE })
    }
    expect(bucket.keys).toEqual([])
  })

  test('a partition that came while the sink ran is read from its beginning, wherever others begin', async () => {
    const config = sinkConfig({ kafka: { bootstrapServers: ['k:1'], groupId: 'g', startFrom: 'latest', epoch: 0 } })
    const held = await new SinkProcess(bucket, { config }).source.assign(log.append(...events(0, 5)), true)
    await held.feed(0)
    expect(log.committed).toEqual({ offset: 0n, metadata: DONE })
  })
})
