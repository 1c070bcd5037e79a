import { describe, expect, it } from 'vitest'
import { type EpochSpan, LeaderEpochs, UNKNOWN_EPOCH } from '../../../src/sink/kafka/leader-epochs.ts'
import { PARTITION_BYTES, PartitionReader, wholeBatchesOf } from '../../../src/sink/kafka/partition-reader.ts'
import type { RecordSet } from '../../../src/sink/kafka/record-batch.ts'
import type { RecordBatch } from '../../../src/sink/record-source.ts'
import { consecutive, encodeBatch } from '../../support/record-batches.ts'
import { takeAll } from '../../support/source-records.ts'

async function recordSet(
  from: bigint,
  count: number,
  batch: { codec?: 'none' | 'codec5'; leaderEpoch?: number } = {},
): Promise<RecordSet> {
  const data = await encodeBatch({ baseOffset: from, records: consecutive(from, count), ...batch })
  return { data, highWatermark: 100n, abortedTransactions: [] }
}

/** A reader whose handler is busy until `finish` is called, once for each batch. */
function busyReader(leaderEpoch = UNKNOWN_EPOCH) {
  const offsets: bigint[] = []
  const failures: unknown[] = []
  const unreadable: (string | null)[] = []
  const released: number[] = []
  const outOfRange: bigint[] = []
  const truncated: [bigint, bigint][] = []
  const asked: [EpochSpan, number, bigint][] = []
  const answer = Promise.withResolvers<bigint | null>()
  const epochs = new LeaderEpochs({ offset: 0n, leaderEpoch })
  let finish: (error?: Error) => void = () => {}
  const records = (batch: RecordBatch) => {
    offsets.push(...takeAll(batch).map(({ offset }) => offset))
    return new Promise<void>((resolve, reject) => {
      finish = (error) => (error ? reject(error) : resolve())
    })
  }
  const reader = new PartitionReader({
    topic: 't',
    partition: 0,
    onOutOfRange: (position) => outOfRange.push(position),
    onTruncated: (...range) => truncated.push(range),
    epochs,
    endOfEpoch: (...change) => {
      asked.push(change)
      return answer.promise
    },
    startOffset: 0n,
    handler: { records },
    onFailed: (error) => failures.push(error),
    onUnreadable: (error) => unreadable.push(error && `${error.message}; next ${error.nextOffset}`),
  })
  const accept = (set: RecordSet, nowMs = 0) => reader.accept(set, nowMs, () => released.push(set.data.length))
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return {
    ...{
      reader,
      offsets,
      failures,
      unreadable,
      released,
      outOfRange,
      truncated,
      asked,
      answer,
      epochs,
      accept,
      settle,
    },
    finish: (error?: Error) => finish(error),
  }
}

describe('PartitionReader', () => {
  it('takes one more set while its handler works, and then none', async () => {
    const { reader, accept } = busyReader()
    accept(await recordSet(0n, 2))
    expect(reader.wantsFetch(0)).toBe(true)
    accept(await recordSet(2n, 2), 40)
    expect(reader.wantsFetch(0)).toBe(false)
    expect(reader.waitingSinceMs).toBe(40)
    expect(reader.fetchOffset).toBe(4n)
  })

  it('hands out the next set only when the handler is done with the one before', async () => {
    const { reader, offsets, released, accept, settle, finish } = busyReader()
    accept(await recordSet(0n, 2))
    accept(await recordSet(2n, 2))
    await settle()
    expect(offsets).toEqual([0n, 1n])
    expect(released).toHaveLength(0)
    finish()
    await settle()
    expect(offsets).toEqual([0n, 1n, 2n, 3n])
    expect(released).toHaveLength(1)
    expect(reader.wantsFetch(0)).toBe(true)
    expect(reader.waitingSinceMs).toBeNull()
  })

  it('counts as behind what the handler has not finished', async () => {
    const { reader, accept, settle, finish } = busyReader()
    expect(reader.lag).toBeNull()
    reader.highWatermark = 10n
    accept(await recordSet(0n, 4))
    await settle()
    expect(reader.lag).toBe(10)
    finish()
    await settle()
    expect(reader.lag).toBe(6)
    // A new leader may know less of it for a moment.
    reader.highWatermark = 3n
    expect(reader.lag).toBe(0)
  })

  it('hands out nothing after it was stopped, and releases what waited', async () => {
    const { reader, offsets, released, accept, settle, finish } = busyReader()
    accept(await recordSet(0n, 2))
    accept(await recordSet(2n, 2))
    reader.stop()
    expect(released).toHaveLength(1)
    finish()
    await settle()
    expect(offsets).toEqual([0n, 1n])
    expect(released).toHaveLength(2)
    expect(reader.wantsFetch(0)).toBe(false)
  })

  it('does not hand out the rest of a long set after it was stopped', async () => {
    const { reader, offsets, accept, settle, finish } = busyReader()
    const long = (offset: bigint) =>
      encodeBatch({ baseOffset: offset, records: [{ offset, value: 'x'.repeat(2 ** 20) }] })
    const data = Buffer.concat([await long(0n), await long(1n)])
    accept({ data, highWatermark: 2n, abortedTransactions: [] })
    reader.stop()
    finish()
    await settle()
    expect(offsets).toEqual([0n])
  })

  it('stops when its handler fails, and says why once', async () => {
    const { reader, failures, released, accept, settle, finish } = busyReader()
    accept(await recordSet(0n, 2))
    accept(await recordSet(2n, 2))
    finish(new Error('no'))
    await settle()
    expect(failures).toEqual([new Error('no')])
    expect(released).toHaveLength(2)
    expect(reader.stopped).toBe(true)
  })

  it('says nothing of a handler that fails once it was stopped', async () => {
    const { reader, failures, accept, settle, finish } = busyReader()
    accept(await recordSet(0n, 2))
    reader.stop()
    finish(new Error('too late'))
    await settle()
    expect(failures).toEqual([])
  })

  it('tells that the log goes no further when all that came before was handled, unless it was stopped', async () => {
    for (const isStopped of [false, true]) {
      const { reader, offsets, outOfRange, accept, settle, finish } = busyReader()
      accept(await recordSet(0n, 2))
      accept(await recordSet(2n, 2))
      void reader.outOfRange()
      expect(reader.wantsFetch(0)).toBe(false)
      finish()
      await settle()
      expect([offsets, outOfRange]).toEqual([[0n, 1n, 2n, 3n], []])
      if (isStopped) reader.stop()
      finish()
      await settle()
      expect(outOfRange).toEqual(isStopped ? [] : [4n])
    }
  })

  it('asks again for a batch that cannot be read, ever more slowly, until it can be', async () => {
    const { reader, offsets, failures, unreadable, released, accept, settle, finish } = busyReader()
    const good = await recordSet(0n, 2)
    const bad = await recordSet(2n, 2, { codec: 'codec5' })
    accept({ ...good, data: Buffer.concat([good.data, bad.data]) })
    await settle()
    // What would come behind it, fetched meanwhile.
    accept(await recordSet(4n, 2), 10_000)
    finish()
    await settle()
    const told = 'offset 2: compressed with codec 5, which is not known; next 4'
    expect([offsets, unreadable, released.length]).toEqual([[0n, 1n], [told], 2])
    for (const [atMs, atLeastMs, atMostMs] of [
      [0, 500, 1_000],
      [10_000, 1_000, 2_000],
      [20_000, 2_000, 4_000],
    ] as const) {
      if (atMs > 0) accept(bad, atMs)
      await settle()
      expect(reader.fetchOffset).toBe(2n)
      expect(reader.wantsFetch(atMs + atLeastMs - 1)).toBe(false)
      expect(reader.wantsFetch(atMs + atMostMs)).toBe(true)
    }
    expect(unreadable).toEqual([told, told, told])
    accept(await recordSet(2n, 2), 30_000)
    await settle()
    expect(unreadable).toHaveLength(3)
    finish()
    await settle()
    expect([offsets, unreadable.at(-1), failures]).toEqual([[0n, 1n, 2n, 3n], null, []])
  })

  it('takes nothing of a record format that it does not know, and asks again', async () => {
    const { reader, unreadable, released, accept, settle } = busyReader()
    const set = await recordSet(0n, 2)
    set.data[16] = 0
    accept(set)
    await settle()
    expect(String(unreadable)).toContain('record format 0')
    expect(released).toHaveLength(1)
    expect([reader.stopped, reader.fetchOffset]).toEqual([false, 0n])
  })

  it('says nothing of a batch that cannot be read once it was stopped', async () => {
    const { reader, unreadable, accept, settle } = busyReader()
    accept(await recordSet(0n, 2, { codec: 'codec5' }))
    reader.stop()
    await settle()
    expect(unreadable).toEqual([])
  })

  it('asks for whole batches once the broker has cut one, as what is cut comes again', async () => {
    const { reader, accept } = busyReader()
    expect(reader.fetchBytes).toBe(PARTITION_BYTES)
    const value = 'x'.repeat(600_000)
    const batch = await encodeBatch({ baseOffset: 0n, records: [{ offset: 0n, value }] })
    const next = await encodeBatch({ baseOffset: 1n, records: [{ offset: 1n, value }] })
    const data = Buffer.concat([batch, next]).subarray(0, PARTITION_BYTES)
    accept({ data, highWatermark: 2n, abortedTransactions: [] })
    expect(reader.fetchOffset).toBe(1n)
    expect(reader.fetchBytes).toBe(next.length)
  })
})

describe('a PartitionReader whose records come from another leader than those before', () => {
  it('asks how far it has the same, and goes on where that is everything', async () => {
    const { offsets, truncated, asked, answer, epochs, accept, settle } = busyReader(7)
    accept(await recordSet(0n, 2, { leaderEpoch: 8 }))
    await settle()
    expect(asked).toEqual([[{ from: -1n, epoch: 7 }, 8, 0n]])
    expect(offsets).toEqual([])
    answer.resolve(0n)
    await settle()
    expect(offsets).toEqual([0n, 1n])
    expect(truncated).toEqual([])
    expect(epochs.before(2n)).toBe(8)
  })

  it('goes on where the leader cannot tell', async () => {
    const { offsets, answer, accept, settle } = busyReader(7)
    answer.resolve(null)
    accept(await recordSet(0n, 2, { leaderEpoch: 8 }))
    await settle()
    expect(offsets).toEqual([0n, 1n])
  })

  it('hands out nothing behind what the leader never had', async () => {
    const { reader, offsets, released, truncated, answer, epochs, accept, settle, finish } = busyReader(7)
    accept(await recordSet(0n, 4, { leaderEpoch: 7 }))
    await settle()
    accept(await recordSet(4n, 2, { leaderEpoch: 9 }))
    finish()
    await settle()
    accept(await recordSet(6n, 2, { leaderEpoch: 9 }))
    answer.resolve(3n)
    await settle()
    expect(truncated).toEqual([[4n, 3n]])
    expect(offsets).toEqual([0n, 1n, 2n, 3n])
    expect(released).toHaveLength(3)
    expect(reader.stopped).toBe(true)
    expect(epochs.before(4n)).toBe(7)
  })

  it('says nothing once it was stopped', async () => {
    const { reader, truncated, answer, accept, settle } = busyReader(7)
    accept(await recordSet(0n, 2, { leaderEpoch: 8 }))
    await settle()
    reader.stop()
    answer.resolve(-1n)
    await settle()
    expect(truncated).toEqual([])
  })

  it('asks nobody while the leader stays', async () => {
    const { asked, accept, settle, finish } = busyReader(7)
    accept(await recordSet(0n, 2, { leaderEpoch: 7 }))
    await settle()
    finish()
    accept(await recordSet(2n, 2, { leaderEpoch: 7 }))
    await settle()
    expect(asked).toEqual([])
  })
})

describe('wholeBatchesOf', () => {
  it.each([
    ['one that is larger comes whole anyway', 3 * PARTITION_BYTES, PARTITION_BYTES],
    ['one', 529_000, 529_000],
    ['two, the second of which may be a little longer', 400_000, 825_000],
    ['many', 1_000, PARTITION_BYTES],
  ])('asks for %s', (_what, batchBytes, asked) => {
    expect(wholeBatchesOf(batchBytes)).toBe(asked)
  })
})
