import { createRequire } from 'node:module'
import { zstdDecompressSync } from 'node:zlib'
import { lz4Decompress, snappyDecompress } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeRecordSet } from '../../../src/sink/kafka/record-batch.ts'
import { WASM_LAYOUT, wasmBytes } from '../../../src/sink/wasm-memory.ts'
import { encodeBatch, type TestBatch } from '../../support/record-batches.ts'
import { takeAll } from '../../support/source-records.ts'

/** kafkajs's own way from the bytes of a fetch response to what its consumer hands out. */
const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<object[]>
const Batch = require('kafkajs/src/consumer/batch') as new (
  topic: string,
  from: string,
  partition: object,
) => { messages: { offset: string; timestamp: string; key: Buffer | null; value: Buffer | null; headers: object }[] }
const { Codecs } = require('kafkajs/src/protocol/message/compression') as { Codecs: Record<number, () => object> }
const decompressing = (decompress: (bytes: Buffer) => Uint8Array) => () => ({
  decompress: async (bytes: Buffer) => Buffer.from(decompress(bytes)),
})
Codecs[2] = decompressing(snappyDecompress)
Codecs[3] = decompressing(lz4Decompress)
Codecs[4] = decompressing(zstdDecompressSync)

const PRODUCERS = [7n, 8n, 9n]
const value = fc.option(fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)))
const record = fc.record({
  value,
  gap: fc.integer({ min: 0, max: 3 }),
  timestampMs: fc.integer({ min: 0, max: 9_999 }),
})
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('data' as const), isTransactional: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'abort' as const) }) },
)
const draft = fc.record({
  step,
  producerId: fc.constantFrom(...PRODUCERS),
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
  codec: fc.constantFrom('none' as const, 'gzip' as const, 'snappy' as const, 'lz4' as const, 'zstd' as const),
})

/** A log as a broker would hold it: transactions of a producer follow each other, and each ends by a marker. */
function logOf(drafts: (typeof draft extends fc.Arbitrary<infer T> ? T : never)[]) {
  const batches: TestBatch[] = []
  const aborted: { producerId: bigint; firstOffset: bigint; markerOffset: bigint }[] = []
  const openSince = new Map<bigint, bigint>()
  let offset = 0n
  for (const { step, producerId, records, codec } of drafts) {
    const baseOffset = offset
    if (step.kind !== 'data') {
      const firstOffset = openSince.get(producerId)
      if (firstOffset === undefined) continue
      if (step.kind === 'abort') aborted.push({ producerId, firstOffset, markerOffset: offset })
      openSince.delete(producerId)
      batches.push({ baseOffset, records: [], control: step.kind, producerId })
      offset++
      continue
    }
    const written = records.map(({ gap, ...rest }) => {
      offset += BigInt(gap)
      return { ...rest, offset: offset++ }
    })
    const transactional = step.isTransactional
    if (transactional && !openSince.has(producerId)) openSince.set(producerId, baseOffset)
    batches.push({ baseOffset, records: written, codec, transactional, ...(transactional ? { producerId } : {}) })
  }
  return { batches, aborted, endOffset: offset }
}

/** A broker answers with the batch that the position is in and those behind it, and names the transactions that were aborted in them. */
function answerAt(from: bigint, { batches, aborted }: ReturnType<typeof logOf>) {
  const rest = batches.filter(({ baseOffset, records }) => (records.at(-1)?.offset ?? baseOffset) >= from)
  const begin = rest[0]?.baseOffset ?? from
  return { batches: rest, abortedTransactions: aborted.filter(({ markerOffset }) => markerOffset >= begin) }
}

/** As kafkajs expects them; brokers name first what ended first. */
function byFirstOffset(aborted: ReturnType<typeof logOf>['aborted']) {
  return aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
}

async function byKafkajs(
  data: Buffer,
  from: bigint,
  abortedTransactions: ReturnType<typeof answerAt>['abortedTransactions'],
) {
  const length = Buffer.alloc(4)
  length.writeInt32BE(data.length)
  const messages = await decodeMessages(new Decoder(Buffer.concat([length, data])))
  const aborted = byFirstOffset(abortedTransactions).map(({ producerId, firstOffset }) => ({
    producerId: `${producerId}`,
    firstOffset: `${firstOffset}`,
  }))
  const partition = { partition: 0, highWatermark: '1000', abortedTransactions: aborted, messages }
  return new Batch('t', `${from}`, partition).messages.map(({ offset, timestamp, key, value }) => ({
    offset: BigInt(offset),
    timestampMs: Number(timestamp),
    key,
    value,
  }))
}

/** kafkajs begins one aborted transaction a record at most: of two that begin before the same record it delivers the second. */
function isWithinKafkajs(
  batches: ReturnType<typeof answerAt>['batches'],
  aborted: ReturnType<typeof answerAt>['abortedTransactions'],
) {
  const offsets = batches.flatMap(({ baseOffset, records }) =>
    records.length > 0 ? records.map((r) => r.offset) : [baseOffset],
  )
  const began = byFirstOffset(aborted)
  return began.slice(1).every(({ firstOffset }, i) => {
    const before = began[i]?.firstOffset ?? 0n
    return offsets.some((offset) => offset >= before && offset < firstOffset)
  })
}

it('reads what kafkajs reads: every codec, gaps, transactions that were aborted or not, from any position', async () => {
  const check = async (drafts: Parameters<typeof logOf>[0], position: number) => {
    const log = logOf(drafts)
    const from = BigInt(position) % (log.endOffset + 1n)
    const { batches, abortedTransactions } = answerAt(from, log)
    fc.pre(isWithinKafkajs(batches, abortedTransactions))
    const data = Buffer.concat(await Promise.all(batches.map(encodeBatch)))
    const landed = wasmBytes.subarray(WASM_LAYOUT.answersAt, WASM_LAYOUT.answersAt + data.length)
    data.copy(landed)
    const pieces = [...decodeRecordSet({ data: landed, highWatermark: 1_000n, abortedTransactions }, from)]
    const ours = pieces.flatMap(takeAll).map(({ headers: _, ...rest }) => rest)
    expect(ours).toEqual(await byKafkajs(data, from, abortedTransactions))
    expect(pieces.at(-1)?.nextOffset ?? from).toBe(log.endOffset)
  }
  const drafts = fc.array(draft, { minLength: 1, maxLength: 12 })
  await fc.assert(fc.asyncProperty(drafts, fc.nat({ max: 60 }), check), { numRuns: 200 })
})
