import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LentRecordSet } from '../../../src/sink/kafka/lent-record-set.ts'
import { decodeRecordSet, extentOf, type RecordSet } from '../../../src/sink/kafka/record-batch.ts'
import { consecutive, encodeBatch, seal, type TestBatch } from '../../support/record-batches.ts'
import { type PlainRecordCopy, takeAll } from '../../support/source-records.ts'

async function recordSet(batches: TestBatch[], rest: Partial<RecordSet> = {}): Promise<RecordSet> {
  const data = Buffer.concat(await Promise.all(batches.map(encodeBatch)))
  return { data, highWatermark: 1_000n, abortedTransactions: [], ...rest }
}

function decode(
  set: RecordSet,
  from = 0n,
): { offsets: number[]; nextOffset: bigint | null; records: PlainRecordCopy[] } {
  const pieces = [...decodeRecordSet(set, from)]
  const records = pieces.flatMap(takeAll)
  return {
    records,
    offsets: records.map(({ offset }) => Number(offset)),
    nextOffset: pieces.at(-1)?.nextOffset ?? null,
  }
}

describe('decodeRecordSet', () => {
  it('gives back offset, time, key, value and headers of every record that kafkajs encodes', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
    const header = fc.tuple(
      fc.string({ minLength: 1 }),
      fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })),
    )
    const record = fc.record({
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.array(header, { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
      timestampMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
      gap: fc.integer({ min: 0, max: 70_000 }),
    })
    const codec = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd' as const)
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt(0n, 2n ** 62n),
        fc.array(record, { minLength: 1, maxLength: 8 }),
        codec,
        async (baseOffset, drafts, codec) => {
          let offset = baseOffset
          const records = drafts.map(({ gap, ...rest }) => {
            offset += BigInt(gap) + 1n
            return { ...rest, offset }
          })
          const decoded = decode(await recordSet([{ baseOffset, records, codec }]), baseOffset).records
          expect(decoded).toEqual(records)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('reads on where its bytes have moved to', async () => {
    const codecs = ['none', 'zstd', 'none'] as const
    const set = await recordSet(
      codecs.map((codec, i) => ({ baseOffset: BigInt(i * 5), records: consecutive(BigInt(i * 5), 5), codec })),
    )
    const expected = decode(set).records.map(({ offset, value }) => ({ offset, value: value?.toString() }))
    for (let moveAfter = 0; moveAfter < 15; moveAfter++) {
      const lent = new LentRecordSet({
        ...set,
        topic: 't',
        partition: 0,
        errorCode: 0,
        lastStableOffset: 0n,
        data: Buffer.from(set.data),
      })
      const read: { offset: bigint; value: string | undefined }[] = []
      for (const piece of decodeRecordSet(lent, 0n)) {
        for (let record = piece.next(); record; record = piece.next()) {
          if (read.length === moveAfter) {
            const before = lent.data
            lent.moveOut()
            before.fill(0xff)
          }
          read.push({ offset: record.offset, value: record.value?.toString() })
        }
      }
      expect(read).toEqual(expected)
    }
  })

  it('begins in the middle of a batch', async () => {
    const set = await recordSet([{ baseOffset: 10n, records: consecutive(10n, 5) }])
    expect(decode(set, 13n)).toMatchObject({ offsets: [13, 14], nextOffset: 15n })
  })

  it('leaves out batches that lie before the position', async () => {
    const set = await recordSet([
      { baseOffset: 0n, records: consecutive(0n, 3) },
      { baseOffset: 3n, records: consecutive(3n, 2) },
    ])
    expect(decode(set, 3n)).toMatchObject({ offsets: [3, 4], nextOffset: 5n })
  })

  it('goes to the end of a batch whose tail was compacted away', async () => {
    const set = await recordSet([{ baseOffset: 0n, records: consecutive(0n, 2), lastOffsetDelta: 9 }])
    expect(decode(set)).toMatchObject({ offsets: [0, 1], nextOffset: 10n })
  })

  it('moves on past a batch in which nothing is left', async () => {
    const set = await recordSet([{ baseOffset: 0n, records: [], lastOffsetDelta: 4 }])
    expect(decode(set)).toMatchObject({ offsets: [], nextOffset: 5n })
  })

  it('has nothing to say when the only batch is cut', async () => {
    const { data, ...rest } = await recordSet([{ baseOffset: 0n, records: consecutive(0n, 2) }])
    expect([...decodeRecordSet({ ...rest, data: data.subarray(0, data.length - 1) }, 0n)]).toEqual([])
  })

  it('ignores a last batch that the broker cut', async () => {
    const { data: first } = await recordSet([{ baseOffset: 0n, records: consecutive(0n, 2) }])
    const { data: second, ...rest } = await recordSet([{ baseOffset: 2n, records: consecutive(2n, 3) }])
    const cutTo = (bytes: number) => ({ ...rest, data: Buffer.concat([first, second.subarray(0, bytes)]) })
    expect(decode(cutTo(second.length - 3))).toMatchObject({ offsets: [0, 1], nextOffset: 2n })
    expect(extentOf(cutTo(second.length - 3), 0n)).toMatchObject({ end: 2n, cutBatchBytes: second.length })
    expect(extentOf(cutTo(12), 0n)).toMatchObject({ end: 2n, cutBatchBytes: second.length })
    expect(extentOf(cutTo(11), 0n)).toMatchObject({ end: 2n, cutBatchBytes: null })
    expect(extentOf(cutTo(second.length), 0n)).toMatchObject({ end: 5n, cutBatchBytes: null })
  })

  it('tells where the epoch of the leader changes, of whole batches', async () => {
    const batch = async (baseOffset: bigint, leaderEpoch: number) =>
      (await recordSet([{ baseOffset, records: consecutive(baseOffset, 2), leaderEpoch }])).data
    const data = Buffer.concat([
      await batch(0n, 3),
      await batch(2n, 3),
      await batch(4n, 5),
      (await batch(6n, 7)).subarray(0, 70),
    ])
    const { epochs } = extentOf({ data, highWatermark: 9n, abortedTransactions: [] }, 1n)
    expect(epochs).toEqual([
      { from: 0n, epoch: 3 },
      { from: 4n, epoch: 5 },
    ])
  })

  it('takes the time of the broker where the topic says so', async () => {
    const set = await recordSet([{ baseOffset: 0n, records: [{ offset: 0n, timestampMs: 5 }], logAppendTimeMs: 77 }])
    expect(decode(set).records[0]?.timestampMs).toBe(77)
  })

  it('reads a batch of 130,000 records', async () => {
    const set = await recordSet([{ baseOffset: 0n, records: consecutive(0n, 130_000) }])
    expect(decode(set)).toMatchObject({ nextOffset: 130_000n })
    expect(decode(set).offsets).toHaveLength(130_000)
  })

  it('hands out a long set in pieces that go on where the last one ended', async () => {
    const value = Buffer.alloc(400_000)
    const set = await recordSet(
      [0n, 1n, 2n, 3n].map((offset) => ({ baseOffset: offset, records: [{ offset, value }] })),
    )
    const pieces = [...decodeRecordSet(set, 0n)]
    expect(pieces.map((piece) => [takeAll(piece).length, piece.nextOffset])).toEqual([
      [3, 3n],
      [1, 4n],
    ])
  })

  describe('with transactions', () => {
    const inTransaction = (baseOffset: bigint, count: number, producerId: bigint): TestBatch => ({
      baseOffset,
      records: consecutive(baseOffset, count),
      producerId,
      transactional: true,
    })
    const marker = (baseOffset: bigint, control: 'commit' | 'abort', producerId: bigint): TestBatch => ({
      baseOffset,
      records: [],
      control,
      producerId,
    })

    it('leaves out control records and moves past them', async () => {
      const set = await recordSet([inTransaction(0n, 2, 7n), marker(2n, 'commit', 7n)])
      expect(decode(set)).toMatchObject({ offsets: [0, 1], nextOffset: 3n })
    })

    it('leaves out what was aborted, and only that', async () => {
      const set = await recordSet(
        [
          inTransaction(0n, 2, 7n),
          inTransaction(2n, 2, 8n),
          { baseOffset: 4n, records: consecutive(4n, 1) },
          inTransaction(5n, 1, 7n),
          marker(6n, 'abort', 7n),
          marker(7n, 'commit', 8n),
          inTransaction(8n, 1, 7n),
          marker(9n, 'commit', 7n),
        ],
        { abortedTransactions: [{ producerId: 7n, firstOffset: 0n }] },
      )
      expect(decode(set)).toMatchObject({ offsets: [2, 3, 4, 8], nextOffset: 10n })
    })

    it('leaves out what overlaps another aborted transaction, though a broker names first what ended first', async () => {
      const set = await recordSet(
        [
          inTransaction(0n, 2, 7n),
          inTransaction(2n, 2, 8n),
          marker(4n, 'abort', 8n),
          inTransaction(5n, 1, 7n),
          marker(6n, 'abort', 7n),
          inTransaction(7n, 1, 7n),
          marker(8n, 'commit', 7n),
        ],
        {
          abortedTransactions: [
            { producerId: 8n, firstOffset: 2n },
            { producerId: 7n, firstOffset: 0n },
          ],
        },
      )
      expect(decode(set)).toMatchObject({ offsets: [7], nextOffset: 9n })
    })

    it('does not take a record with the key of an abort marker for one', async () => {
      const looksLikeAbort = { offset: 0n, key: Buffer.from([0, 0, 0, 0]), value: 'x' }
      const set = await recordSet(
        [
          { baseOffset: 0n, records: [looksLikeAbort, { offset: 1n }], producerId: 7n, transactional: true },
          inTransaction(2n, 1, 7n),
          marker(3n, 'abort', 7n),
        ],
        { abortedTransactions: [{ producerId: 7n, firstOffset: 0n }] },
      )
      expect(decode(set)).toMatchObject({ offsets: [], nextOffset: 4n })
    })
  })

  describe('with a batch that cannot be read', () => {
    it('names its codec and the offset, after what lies before', async () => {
      const set = await recordSet([
        { baseOffset: 0n, records: consecutive(0n, 2) },
        { baseOffset: 2n, records: consecutive(2n, 1), codec: 'codec5' },
      ])
      const pieces = decodeRecordSet(set, 0n)
      expect(pieces.next().value).toMatchObject({ nextOffset: 2n })
      expect(() => pieces.next()).toThrow('offset 2: compressed with codec 5, which is not known')
    })

    it('notices any bit that is not what the producer sent, by the checksum', async () => {
      const { data, ...rest } = await recordSet([{ baseOffset: 5n, records: consecutive(5n, 2), codec: 'zstd' }])
      fc.assert(
        fc.property(fc.integer({ min: 17, max: data.length - 1 }), fc.nat(7), (at, bit) => {
          const flipped = Buffer.from(data)
          flipped[at] = (flipped[at] as number) ^ (1 << bit)
          expect(() => decode({ ...rest, data: flipped })).toThrow('offset 5: record batch is damaged: its checksum is')
        }),
      )
    })

    it('checks a batch that is larger than any piece', async () => {
      const value = Buffer.alloc(20_000_000, 'x')
      const set = await recordSet([{ baseOffset: 0n, records: [{ offset: 0n, value }] }])
      expect(decode(set).offsets).toEqual([0])
    })

    it('says which one is not a record batch, though its checksum is right', async () => {
      const set = await recordSet([{ baseOffset: 5n, records: consecutive(5n, 2) }])
      set.data[61] = 0x7e
      seal(set.data)
      expect(() => decode(set)).toThrow('offset 5: record batch is damaged')
    })

    it('refuses a message of an older format though it is smaller than any record batch', async () => {
      const message = Buffer.alloc(40)
      message.writeBigInt64BE(5n)
      message.writeInt32BE(28, 8)
      message.writeInt8(1, 16)
      const set = { data: message, highWatermark: 6n, abortedTransactions: [] }
      expect(() => decode(set)).toThrow('offset 5: record format 1 is not supported')
      expect(extentOf(set, 5n)).toEqual({ end: 5n, cutBatchBytes: null, epochs: [] })
    })

    it('refuses a record format older than Kafka 0.11, after what lies before, and says where the next one begins', async () => {
      const set = await recordSet([
        { baseOffset: 0n, records: consecutive(0n, 5) },
        { baseOffset: 5n, records: consecutive(5n, 2) },
      ])
      const { length } = (await recordSet([{ baseOffset: 0n, records: consecutive(0n, 5) }])).data
      set.data[length + 16] = 1
      const pieces = decodeRecordSet(set, 0n)
      expect(pieces.next().value).toMatchObject({ nextOffset: 5n })
      const unreadable = { message: expect.stringContaining('offset 5: record format 1'), nextOffset: 6n }
      expect(() => pieces.next()).toThrow(expect.objectContaining(unreadable))
      expect(extentOf(set, 0n)).toMatchObject({ end: 5n, cutBatchBytes: null })
    })
  })
})
