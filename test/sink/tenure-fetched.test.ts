import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { FetchLoops } from '../../src/sink/kafka/fetch-loop.ts'
import { LeaderEpochs, UNKNOWN_EPOCH } from '../../src/sink/kafka/leader-epochs.ts'
import { PartitionReader } from '../../src/sink/kafka/partition-reader.ts'
import { Problems } from '../../src/sink/kafka/problems.ts'
import { PartitionStoppedError } from '../../src/sink/record-source.ts'
import { eventually } from '../support/eventually.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { encodeBatch } from '../support/record-batches.ts'
import { ScriptedPartition, type ScriptedTenure } from '../support/scripted-source.ts'
import { event, SinkProcess, sinkConfig } from '../support/sink-process.ts'
import { type Asked, FakeLeaders } from './kafka/fake-leaders.ts'
import { dieWithIntents, flush, keyAt } from './tenure-words.ts'

/* Who waits holds what was fetched for it, and of that there is only so much for all partitions together. */

const RECORD_BYTES = 10_000
/** Of six records. */
const MAX_BUFFERED_BYTES = 6 * RECORD_BYTES
const LIMITS = { intervalMs: 60_000, events: 10, bytes: 1_000_000 }

let bucket: FakeBucket
let leaders: FakeLeaders
let loops: FetchLoops
let failures: unknown[]

beforeEach(() => {
  bucket = new FakeBucket()
  leaders = new FakeLeaders()
  failures = []
  loops = new FetchLoops({
    cluster: leaders,
    clock: systemClock,
    problems: new Problems(() => {}),
    maxBufferedBytes: MAX_BUFFERED_BYTES,
  })
})
afterEach(() => loops.close())

function logs(partitions: number, records: number): ScriptedPartition[] {
  const values = Array.from({ length: records }, (_, id) =>
    JSON.stringify({ ...JSON.parse(event(id)), pad: 'x'.repeat(RECORD_BYTES) }),
  )
  return Array.from({ length: partitions }, (_, partition) => new ScriptedPartition(partition).append(...values))
}

/** One record for each partition that is asked for. */
const nextOf =
  (all: readonly ScriptedPartition[]) =>
  ({ offsets }: Asked) =>
    Promise.all(
      all.flatMap(({ partition, records }) => {
        const offset = offsets.get(`t-${partition}`)
        const record = offset === undefined ? undefined : records[Number(offset)]
        if (!record) return []
        const { value, timestampMs } = record
        const batch = { baseOffset: record.offset, records: [{ offset: record.offset, value, timestampMs }] }
        return encodeBatch(batch).then((data) => ({ partition, data }))
      }),
    )

function read({ handler }: ScriptedTenure, { partition }: ScriptedPartition): void {
  leaders.leaders.set(partition, 1)
  const startOffset = typeof handler.startAt === 'bigint' ? handler.startAt : 0n
  const onFailed = (error: unknown) => failures.push(error)
  const epochs = new LeaderEpochs({ offset: startOffset, leaderEpoch: UNKNOWN_EPOCH })
  const never = { endOfEpoch: async () => null, onOutOfRange: () => {}, onTruncated: () => {}, onUnreadable: () => {} }
  loops.add(new PartitionReader({ topic: 't', partition, startOffset, handler, epochs, ...never, onFailed }))
}

const within = <T>(check: () => T) => eventually(30_000, check, 5)

test('partitions that are stopped leave room for the others', async () => {
  const all = logs(6, 20)
  const stopped = all.slice(1)
  for (const { partition } of stopped) bucket.put(keyAt(0).replace('-00003-', `-0000${partition}-`), 'not ours')
  leaders.answer = nextOf(all)
  const sink = new SinkProcess(bucket, { config: flush({ events: 1 }) })
  for (const log of all) read(await sink.source.assign(log), log)
  await within(() => expect(bucket.lines()).toHaveLength(20))
  await within(() => expect(failures).toEqual(stopped.map(() => expect.any(PartitionStoppedError))))
  expect(sink.sink.status()).toMatchObject({ state: 'FAILED', error: expect.stringMatching(/ is stopped: object /) })
})

test('of many that replay more than there is memory for, the one that goes on is fetched though the others hold all that may be', async () => {
  const config = sinkConfig({ flush: LIMITS, bufferBytes: 150_000 })
  const all = logs(8, LIMITS.events)
  await dieWithIntents(all, bucket, config)
  leaders.answer = nextOf(all)
  const last = new SinkProcess(bucket, { config })
  for (const log of all) read(await last.source.assign(log), log)
  await within(() => expect(bucket.lines()).toHaveLength(8 * LIMITS.events))
  expect(failures).toEqual([])
})
