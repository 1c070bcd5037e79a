import pino from 'pino'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { revisionOf } from '../../src/contract/sink-config.ts'
import { decodeCommitMetadata, encodeMark } from '../../src/sink/commit-metadata.ts'
import { TenureLostError, TopicRecreatedError } from '../../src/sink/record-source.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { CLUSTER_ID, ScriptedPartition } from '../support/scripted-source.ts'
import { event, events, SinkProcess, sinkConfig } from '../support/sink-process.ts'
import { recordBatch, sourceRecord } from '../support/source-records.ts'

const flush = (limits: { events?: number; bytes?: number; intervalMs?: number }) =>
  sinkConfig({ flush: { intervalMs: 60_000, events: 1_000, bytes: 1_000_000, ...limits } })

const BY_THE_QUARTER = sinkConfig({ template: '{hh}{mm}/{topic}.json' }).path
const DONE = encodeMark({ clusterId: CLUSTER_ID })
const intentIn = (metadata: string) => {
  const found = decodeCommitMetadata(metadata)
  return found.kind === 'intent' ? found.intent : null
}
const intentOf = (log: ScriptedPartition) => intentIn(log.committed.metadata)

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3)
})

const keyAt = (start: number) =>
  `events/login/1200@analytics_game_telemetry.dev.acme.login-00003-${String(start).padStart(20, '0')}.json`

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

  test('an idle partition is flushed in time though the machine’s clock is set back meanwhile', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ intervalMs: 60_000 }) })
    const held = await sink.source.assign(log.append(...events(0, 2)))
    await held.feed(2)
    sink.clock.set(-3_600_000)
    await sink.clock.advance(60_000)
    expect(bucket.lines()).toEqual(events(0, 2))
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
})

describe('the protocol', () => {
  test('the intent is committed at the start of the set before anything is written', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    let committedAtWrite = log.committed
    bucket.onCreate = () => {
      committedAtWrite = log.committed
    }
    const held = await sink.source.assign(log.append(...events(0, 2)))
    await held.feed()
    await sink.settle()
    expect(committedAtWrite.offset).toBe(0n)
    expect(intentIn(committedAtWrite.metadata)).toMatchObject({ endOffset: 2n, records: 2, clusterId: CLUSTER_ID })
  })

  test('a refused intent writes nothing', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    log.onCommit = () => {
      throw new TenureLostError('REBALANCE')
    }
    const held = await sink.source.assign(log.append(...events(0, 2)))
    void held.feed()
    await sink.settle()
    held.lose()
    await sink.settle()
    expect(bucket.creates).toBe(0)
    expect(sink.stats.read).toBe(0)
  })

  test('after an unknown outcome of the final commit nothing more is written or committed by that tenure', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    log.onCommit = (offset) => {
      if (offset === 2n) throw new TenureLostError('no answer')
    }
    const held = await sink.source.assign(log.append(...events(0, 6)))
    void held.feed()
    await sink.settle()
    expect(bucket.keys).toEqual([keyAt(0)])
    log.onCommit = () => {}
    held.lose()
    await (await sink.source.assign(log)).feed()
    await sink.settle()
    expect(bucket.lines()).toEqual(events(0, 6))
    expect(bucket.keys).toEqual([keyAt(0), keyAt(2), keyAt(4)])
  })

  test('a set left behind is replayed under the revision of its intent, and the next under the own one', async () => {
    const old = sinkConfig({
      template: 'old/{eventName}/{topic}.json',
      flush: { intervalMs: 1, events: 3, bytes: 9_999 },
    })
    const first = new SinkProcess(bucket, { config: old })
    bucket.onCreate = () => new Promise(() => {})
    void (await first.source.assign(log.append(...events(0, 5)))).feed()
    await first.settle()
    expect(intentOf(log)?.revision).toBe(revisionOf(old))

    bucket.onCreate = () => {}
    const second = new SinkProcess(bucket, { older: [old] })
    const held = await second.source.assign(log)
    await held.feed()
    await held.revoke()
    expect(bucket.lines('old/')).toEqual(events(0, 3))
    expect(bucket.lines('events/')).toEqual(events(3, 5))
  })

  test('once the objects of a set left behind are there, and before its end is committed, uploads under its names are aborted; own sets have none', async () => {
    const [config, found] = [flush({ events: 2 }), [] as [string, boolean, bigint][]]
    const first = new SinkProcess(bucket, { config })
    bucket.onCreate = () => new Promise(() => {})
    void (await first.source.assign(log.append(...events(0, 4)))).feed()
    await first.settle()

    bucket.onCreate = () => {}
    bucket.onAbortUploads = (key) => {
      found.push([key, bucket.objects.has(key), log.committed.offset])
      return 0
    }
    const second = new SinkProcess(bucket, { config })
    const held = await second.source.assign(log)
    await held.feed()
    await held.revoke()
    expect(bucket.keys).toEqual([keyAt(0), keyAt(2)])
    expect(found).toEqual([[keyAt(0), true, 0n]])
  })

  test('uploads are looked for under a name whose write had failed once: its answer may have got lost', async () => {
    const found: string[] = []
    bucket.afterCreate = (key) => {
      if (key === keyAt(0)) throw new Error('no answer')
    }
    bucket.onAbortUploads = (key) => found.push(key)
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const held = await sink.source.assign(log.append(...events(0, 4)))
    const feeding = held.feed()
    await sink.clock.advance(1_000)
    await feeding
    await held.revoke()
    expect(bucket.keys).toEqual([keyAt(0), keyAt(2)])
    expect(found).toEqual([keyAt(0)])
  })

  test('a zombie can neither commit nor change what its successor wrote', async () => {
    const zombie = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const asleep = Promise.withResolvers<void>()
    bucket.onCreate = () => asleep.promise
    const old = await zombie.source.assign(log.append(...events(0, 5)))
    void old.feed()
    await zombie.settle()

    bucket.onCreate = () => {}
    const successor = new SinkProcess(bucket, { config: flush({ events: 3 }), older: [flush({ events: 2 })] })
    await (await successor.source.assign(log)).feed()
    await successor.settle()
    const [written, committed] = [bucket.lines(), log.committed]
    asleep.resolve()
    await zombie.settle()
    expect(bucket.lines()).toEqual(written)
    expect(log.committed).toEqual(committed)
    expect(written).toEqual(events(0, 5))
  })

  test('an intent without its revision, of another cluster, or not ours stops the partition and stays as it is', async () => {
    const intent = (changes: object) =>
      JSON.stringify({
        v: 1,
        endOffset: '2',
        revision: 'aaaaaaaaaa',
        clusterId: CLUSTER_ID,
        objects: 1,
        records: 2,
        checksum: '00000000',
        reason: 'events',
        ...changes,
      })
    const found = [intent({}), intent({ clusterId: 'other' }), intent({ v: 2 }), 'resumed by hand']
    const errors = ['aaaaaaaaaa', 'cluster other', 'not ours', 'resumed by hand']
    for (const [i, metadata] of found.entries()) {
      const sink = new SinkProcess(bucket)
      log.committed = { offset: 0n, metadata }
      void (await sink.source.assign(log.append(...events(0, 2)))).feed()
      await sink.settle()
      expect(sink.sink.status()).toMatchObject({ state: 'FAILED', error: expect.stringContaining(errors[i] ?? '') })
      expect(log.committed.metadata).toBe(metadata)
    }
    expect(bucket.creates).toBe(0)
  })

  test('what was read across the end of a topic and the beginning of another is neither promised nor written', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const held = await sink.source.assign(log.append(...events(0, 3)))
    await held.feed(1)
    log.onCommit = () => {
      throw new TopicRecreatedError('A', 'B')
    }
    void held.feed()
    await sink.settle()
    expect(bucket.creates).toBe(0)
    expect(log.committed).toEqual({ offset: 0n, metadata: DONE })
    expect(sink.sink.status()).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(/partition 3 is stopped: the topic was deleted and created again/),
    })
  })

  test('a replay that reads other records than were promised stops the partition before it writes', async () => {
    const first = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    bucket.onCreate = () => new Promise(() => {})
    void (await first.source.assign(log.append(...events(0, 2)))).feed()
    await first.settle()

    bucket.onCreate = () => {}
    const second = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const recreated = new ScriptedPartition(3).append(...events(7, 9))
    recreated.committed = log.committed
    void (await second.source.assign(recreated)).feed()
    await second.settle()
    expect(second.sink.status().error).toMatch(/promised as 2 records in 1 objects .* the topic was created again/)
    expect(bucket.keys).toEqual([])
  })
})

describe('objects that exist', () => {
  test('a lost answer is no failure: the object that is found is ours', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    let lost = 0
    bucket.afterCreate = () => {
      if (lost++ === 0) throw new Error('socket hang up')
    }
    const held = await sink.source.assign(log.append(...events(0, 2)))
    await held.feed()
    await sink.clock.advance(1_000)
    expect(log.committed).toEqual({ offset: 2n, metadata: DONE })
    expect(bucket.lines()).toEqual(events(0, 2))
  })

  test("somebody else's object is never overwritten: the partition stops and says what was found", async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    bucket.put(keyAt(0), 'not ours')
    const held = await sink.source.assign(log.append(...events(0, 4)))
    void held.feed()
    await sink.settle()
    expect(bucket.lines()).toEqual([])
    expect(log.committed.offset).toBe(0n)
    const { state, error } = sink.sink.status()
    expect(state).toBe('FAILED')
    expect(error).toContain(
      `partition 3 is stopped: object ${keyAt(0)} exists and is not this set's: connector is absent`,
    )
  })

  test('an object of the same start that ends elsewhere is not ours', async () => {
    const sink = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    await (await sink.source.assign(log.append(...events(0, 2)))).feed()
    await sink.settle()
    log.committed = { offset: 0n, metadata: DONE }
    log.append(event(2))
    const again = new SinkProcess(bucket, { config: flush({ events: 3 }) })
    void (await again.source.assign(log)).feed()
    await again.settle()
    expect(again.sink.status().error).toContain('end-offset is 2, not 3; records is 2, not 3')
    expect(bucket.lines()).toEqual(events(0, 2))
  })
})

describe('giving up', () => {
  test('revocation writes and commits what is buffered', async () => {
    const sink = new SinkProcess(bucket)
    const held = await sink.source.assign(log.append(...events(0, 3)))
    await held.feed()
    await held.revoke()
    expect(bucket.lines()).toEqual(events(0, 3))
    expect(log.committed).toEqual({ offset: 3n, metadata: DONE })
  })

  test('when the time runs out the intent stays for the next owner and nothing is committed later', async () => {
    const sink = new SinkProcess(bucket)
    const written = Promise.withResolvers<void>()
    bucket.onCreate = () => written.promise
    const held = await sink.source.assign(log.append(...events(0, 3)))
    await held.feed()
    const deadline = new AbortController()
    const revoked = held.revoke('shutdown', deadline.signal)
    await sink.settle()
    deadline.abort()
    written.resolve()
    await revoked
    await sink.settle()
    expect(log.commits).toHaveLength(2)
    expect(intentOf(log)).toMatchObject({ endOffset: 3n, reason: 'shutdown' })
  })

  test('a replay that was not read to its end leaves the intent as it is', async () => {
    const first = new SinkProcess(bucket, { config: flush({ events: 4 }) })
    bucket.onCreate = () => new Promise(() => {})
    void (await first.source.assign(log.append(...events(0, 4)))).feed()
    await first.settle()
    const intent = log.committed

    const second = new SinkProcess(bucket, { config: flush({ events: 4 }) })
    const held = await second.source.assign(log)
    await held.feed(3)
    await held.revoke()
    expect(log.committed).toBe(intent)
  })

  test('a lost partition is forgotten: no timer, no memory, no count, no error of it stays', async () => {
    const sink = new SinkProcess(bucket)
    const held = await sink.source.assign(log.append(...events(0, 3)))
    await held.feed()
    held.lose()
    await sink.clock.advance(120_000)
    expect(bucket.creates).toBe(0)
    expect(sink.clock.pendingTimers).toBe(0)
    expect(sink.sink.status()).toMatchObject({ state: 'ACTIVE', records: { read: 0, delivered: 0 } })
  })
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
    const first = new SinkProcess(bucket, { config })
    bucket.onCreate = () => new Promise(() => {})
    const padded = (id: number) => JSON.stringify({ ...JSON.parse(event(id)), pad })
    void (await first.source.assign(log.append(padded(0), padded(1), padded(2)))).feed()
    await first.settle()

    bucket.onCreate = () => {}
    const second = new SinkProcess(bucket, { config: sinkConfig({ bufferBytes: 50_000 }), older: [config] })
    const held = await second.source.assign(log)
    await held.feed(1)
    await held.feed(1)
    await held.feed(1)
    await second.settle()
    expect(bucket.lines()).toHaveLength(3)
  })
})
