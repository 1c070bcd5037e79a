import { beforeEach, expect, test } from 'vitest'
import { sinkStatusSchema } from '../../src/contract/sink-status.ts'
import { TenureLostError } from '../../src/sink/record-source.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { events, SinkProcess } from '../support/sink-process.ts'
import { DONE, dieWithIntents, flush, intentOf } from './tenure-words.ts'

const config = flush({ events: 4 })
const lost = (from: number, to: number) => ({ topic: TOPIC, partition: 3, from: `${from}`, to: `${to}` })

let bucket: FakeBucket
let log: ScriptedPartition

beforeEach(() => {
  bucket = new FakeBucket()
  log = new ScriptedPartition(3).append(...events(0, 10))
})

/** A process that died after it had promised [0, 4) and before it had written anything. */
async function diesWithAnIntent(): Promise<void> {
  await dieWithIntents([log], bucket, config)
  expect(intentOf(log)).toMatchObject({ endOffset: 4n })
}

/** Another process, which finds that of [0, 4) only what is at 2 and 3 is left. */
async function replaysTheRest() {
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  await held.outOfRange(2n)
  await held.feed(2)
  await next.settle()
  return { next, held }
}

const ends = () =>
  [...bucket.objects.values()].map(({ metadata }) => `${metadata['start-offset']}-${metadata['end-offset']}`)

test('what was read before the gap is delivered, the range is told exactly, and reading goes on behind it', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(2)
  const toldAt = new Date(sink.clock.now()).toISOString()
  expect(await held.outOfRange(7n)).toBe(7n)
  expect(bucket.lines()).toEqual(events(0, 2))
  expect(log.committed).toEqual({ offset: 7n, metadata: DONE })
  const status = sink.sink.status()
  expect(status.lost).toEqual({ offsets: 5, ranges: [{ ...lost(2, 7), at: toldAt, reason: 'expired' }] })
  expect(sinkStatusSchema.parse(status)).toEqual(status)
  await held.feed()
  await held.revoke()
  expect(bucket.lines()).toEqual([...events(0, 2), ...events(7, 10)])
  expect(ends()).toEqual(['0-2', '7-10'])
  expect(sink.stats).toEqual({ read: 5, delivered: 5, rejected: 0, filtered: 0 })
})

test('what expired before the first record was read is told by the next process', async () => {
  await (await new SinkProcess(bucket).source.assign(log)).feed(0)
  const next = new SinkProcess(bucket)
  const held = await next.source.assign(log)
  expect(held.handler.startAt).toBe(0n)
  await held.outOfRange(6n)
  expect(next.sink.status().lost).toMatchObject({ offsets: 6, ranges: [lost(0, 6)] })
})

test('of a promised set what is left is written under the name that was promised', async () => {
  await diesWithAnIntent()
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  expect(await held.outOfRange(2n)).toBe(2n)
  await held.feed(2)
  await next.settle()
  expect(bucket.lines()).toEqual(events(2, 4))
  expect(ends()).toEqual(['0-4'])
  expect(log.committed).toEqual({ offset: 4n, metadata: DONE })
  expect(next.sink.status()).toMatchObject({ error: null, lost: { offsets: 2, ranges: [lost(0, 2)] } })
})

test.each([
  ['another leader', 4, 7],
  ['a leader of before', 7, 4],
])(
  'of a promised set whose beginning has expired nothing is written where its end is of %s',
  async (_of, then, now) => {
    log.leaderEpoch = then
    await diesWithAnIntent()
    const before = log.committed
    log.leaderEpoch = now
    const { next, held } = await replaysTheRest()
    expect(next.sink.status().error).toContain(
      `Kafka has lost offsets of 0 to 3, which were promised already (an unclean leader election: the last of them was of leader epoch ${then}, now it is of ${now};`,
    )
    await held.revoke()
    expect([bucket.lines(), log.committed]).toEqual([[], before])
  },
)

test.each([
  [4, 4],
  [4, null],
  [null, 4],
])('what is left of it is written where the leader epoch of its end was %s and is %s', async (then, now) => {
  log.leaderEpoch = then
  await diesWithAnIntent()
  log.leaderEpoch = now
  const { next } = await replaysTheRest()
  expect([bucket.lines(), next.sink.status().error]).toEqual([events(2, 4), null])
})

test('a promised set that is whole is compared by its records: what was of another leader behind the last of them may have been compacted away', async () => {
  log.leaderEpoch = 7
  await diesWithAnIntent()
  log.leaderEpoch = 4
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  await held.feed(4)
  await next.settle()
  expect([bucket.lines(), next.sink.status().error]).toEqual([events(0, 4), null])
})

test('an object of the promised set that is there already has more of it, and stays', async () => {
  const first = new SinkProcess(bucket, { config })
  log.onCommit = (offset) => {
    if (offset === 4n) throw new TenureLostError('no answer')
  }
  void (await first.source.assign(log)).feed(4)
  await first.settle()
  log.onCommit = () => {}
  const { next } = await replaysTheRest()
  expect(bucket.lines()).toEqual(events(0, 4))
  expect(log.committed).toEqual({ offset: 4n, metadata: DONE })
  expect(next.sink.status().error).toBe(null)
})

test.each([
  ['a promised set', diesWithAnIntent, 2n],
  ['what was not promised', async () => {}, 4n],
])(
  'behind the gap in %s all is compared in full: an object of the same range with other records is not ours',
  async (_what, before, goesOnAt) => {
    await before()
    const next = new SinkProcess(bucket, { config })
    const held = await next.source.assign(log)
    if (goesOnAt === 4n) await held.feed(2)
    await held.outOfRange(goesOnAt)
    await held.feed(4 - Number(goesOnAt))
    await next.settle()
    const [first = ''] = bucket.keys
    const same = { ...bucket.objects.get(first)?.metadata, 'start-offset': '4', 'end-offset': '8' }
    bucket.put(first.replace(/0{20}/, String(4).padStart(20, '0')), 'another record', { ...same, crc32: '00000000' })
    void held.feed(4)
    await next.settle()
    expect(next.sink.status().error).toContain("is not this set's: records is 2, not 4")
    expect(log.committed.offset).toBe(4n)
  },
)

test('of a promised set that has expired as a whole nothing is written', async () => {
  await diesWithAnIntent()
  const next = new SinkProcess(bucket, { config })
  const held = await next.source.assign(log)
  expect(await held.outOfRange(6n)).toBe(6n)
  expect(log.committed).toEqual({ offset: 6n, metadata: DONE })
  expect(next.sink.status()).toMatchObject({ error: null, lost: { offsets: 6, ranges: [lost(0, 6)] } })
  await held.feed()
  await held.revoke()
  expect(bucket.lines()).toEqual(events(6, 10))
})

test('a position behind the end of the log stops the partition: nothing is reset, written or called lost', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(2)
  const before = log.committed
  expect(await held.outOfRange(0n, 1n)).toBe(null)
  await held.revoke()
  expect(sink.stats.read).toBe(0)
  expect(log.committed).toEqual(before)
  expect(bucket.creates).toBe(0)
  expect(sink.sink.status().lost).toEqual({ offsets: 0, ranges: [] })
})

test('says what to do where the log ends before the position', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(2)
  await held.outOfRange(0n, 1n)
  expect(sink.sink.status()).toMatchObject({
    state: 'FAILED',
    error: expect.stringMatching(
      /partition 3 is stopped: offset 2 is beyond the end of the log \(0 to 1\).*spec\.kafka\.epoch/,
    ),
  })
})

test('while S3 is away the range is told, and nothing behind it is read until what came before it is delivered', async () => {
  const sink = new SinkProcess(bucket, { config })
  const written = Promise.withResolvers<void>()
  bucket.onCreate = () => written.promise
  const held = await sink.source.assign(log)
  await held.feed(2)
  let goesOnAt: bigint | null | undefined
  void held.outOfRange(7n).then((next) => {
    goesOnAt = next
  })
  await sink.settle()
  expect(sink.sink.status().lost.offsets).toBe(5)
  expect([goesOnAt, log.committed.offset]).toEqual([undefined, 0n])
  written.resolve()
  await sink.settle()
  expect([goesOnAt, log.committed.offset]).toEqual([7n, 7n])
})

test('a partition that is given up meanwhile goes on nowhere, and its next owner tells the range again', async () => {
  const sink = new SinkProcess(bucket, { config })
  const held = await sink.source.assign(log)
  await held.feed(4)
  await sink.settle()
  log.onCommit = () => {
    throw new TenureLostError('REBALANCE')
  }
  expect(await held.outOfRange(7n)).toBe(null)
  held.lose()
  log.onCommit = () => {}
  const again = await sink.source.assign(log)
  expect(await again.outOfRange(8n)).toBe(8n)
  expect(sink.sink.status().lost).toMatchObject({ offsets: 4, ranges: [lost(4, 8)] })
})
