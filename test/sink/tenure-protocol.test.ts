import { beforeEach, describe, expect, test } from 'vitest'
import { revisionOf } from '../../src/contract/sink-config.ts'
import { TenureLostError, TopicRecreatedError } from '../../src/sink/record-source.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { CLUSTER_ID, ScriptedPartition } from '../support/scripted-source.ts'
import { event, events, SinkProcess, sinkConfig } from '../support/sink-process.ts'
import { recordBatch } from '../support/source-records.ts'
import { DONE, dieWithIntents, flush, intentIn, intentOf, keyAt } from './tenure-words.ts'

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3)
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
    await dieWithIntents([log.append(...events(0, 5))], bucket, old)
    expect(intentOf(log)?.revision).toBe(revisionOf(old))
    const second = new SinkProcess(bucket, { older: [old] })
    const held = await second.source.assign(log)
    await held.feed()
    await held.revoke()
    expect(bucket.lines('old/')).toEqual(events(0, 3))
    expect(bucket.lines('events/')).toEqual(events(3, 5))
  })

  test('once the objects of a set left behind are there, and before its end is committed, uploads under its names are aborted; own sets have none', async () => {
    const [config, found] = [flush({ events: 2 }), [] as [string, boolean, bigint][]]
    await dieWithIntents([log.append(...events(0, 4))], bucket, config)
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

  test('a replay ends where its intent says, also where no record is there', async () => {
    const first = new SinkProcess(bucket)
    bucket.onCreate = () => new Promise(() => {})
    const left = await first.source.assign(log.append(event(0)))
    await left.feedBatch(recordBatch(log.records, { nextOffset: 7n }))
    await first.clock.advance(60_000)
    expect(intentOf(log)?.endOffset).toBe(7n)

    bucket.onCreate = () => {}
    const second = new SinkProcess(bucket)
    const held = await second.source.assign(log)
    await held.feedBatch(recordBatch(log.records, { nextOffset: 9n }))
    await second.settle()
    expect(bucket.objects.get(keyAt(0))?.metadata['end-offset']).toBe('7')
    expect(log.committed).toEqual({ offset: 7n, metadata: DONE })
  })

  test('a replay that its log is slow to give is not cut when the interval has passed', async () => {
    const config = flush({ events: 4 })
    await dieWithIntents([log.append(...events(0, 4))], bucket, config)
    const intent = log.committed
    const second = new SinkProcess(bucket, { config })
    const held = await second.source.assign(log)
    await held.feed(2)
    await second.clock.advance(3_600_000)
    expect([log.committed, bucket.keys]).toEqual([intent, []])
    const commits = log.commits.length
    await held.feed(2)
    await second.settle()
    expect(bucket.objects.get(keyAt(0))?.metadata['end-offset']).toBe('4')
    // Its intent is there already.
    expect(log.commits.slice(commits)).toEqual([{ offset: 4n, metadata: DONE }])
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
    await dieWithIntents([log.append(...events(0, 2))], bucket, flush({ events: 2 }))
    const second = new SinkProcess(bucket, { config: flush({ events: 2 }) })
    const recreated = new ScriptedPartition(3).append(...events(7, 9))
    recreated.committed = log.committed
    void (await second.source.assign(recreated)).feed()
    await second.settle()
    const { error } = second.sink.status()
    expect(error).toMatch(/promised as 2 records in 1 objects .* created again\. To go on, pause .* spec\.kafka\.epoch/)
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
