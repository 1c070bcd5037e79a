import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { lz4Compress, snappyCompress } from '@platformatic/wasm-utils'

/*
 * Record batches as a broker returns them, made by kafkajs's encoder (so that our decoder is not tested against itself),
 * with what that encoder cannot do set afterwards.
 */

const require = createRequire(import.meta.url)
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<{ buffer: Buffer }>
}
const crc32C = require('kafkajs/src/protocol/recordBatch/crc32C') as (data: Buffer) => number
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object

export interface TestRecord {
  readonly offset: bigint
  readonly timestampMs?: number
  readonly key?: Buffer | null
  readonly value?: Buffer | string | null
  readonly headers?: Record<string, Buffer | string | (Buffer | string)[]>
}

export interface TestBatch {
  readonly baseOffset: bigint
  readonly records: readonly TestRecord[]
  readonly lastOffsetDelta?: number
  /** 0 by default. */
  readonly leaderEpoch?: number
  /** `codec5` is one that Kafka does not have. */
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | 'codec5'
  readonly producerId?: bigint
  readonly transactional?: boolean
  readonly control?: 'commit' | 'abort'
  /** Milliseconds: the broker's time counts for all records. */
  readonly logAppendTimeMs?: number
}

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'codec5'] as const
const COMPRESS = {
  gzip: gzipSync,
  snappy: snappyCompress,
  lz4: lz4Compress,
  zstd: zstdCompressSync,
  codec5: Buffer.from,
}

export async function encodeBatch(batch: TestBatch): Promise<Buffer> {
  const { baseOffset, codec = 'none', control, producerId = -1n } = batch
  const records = control ? [controlRecord(baseOffset, control)] : batch.records
  const firstTimestamp = records[0]?.timestampMs ?? 0
  const { buffer } = await RecordBatch({
    firstOffset: baseOffset.toString(),
    firstTimestamp,
    maxTimestamp: batch.logAppendTimeMs ?? firstTimestamp,
    lastOffsetDelta: batch.lastOffsetDelta ?? Number((records.at(-1)?.offset ?? baseOffset) - baseOffset),
    producerId: producerId.toString(),
    records: records.map(({ offset, timestampMs = 0, key = null, value = null, headers = {} }) =>
      encodeRecord({
        offsetDelta: Number(offset - baseOffset),
        timestampDelta: timestampMs - firstTimestamp,
        key,
        value,
        headers,
      }),
    ),
  })
  const encoded = compressed(Buffer.from(buffer), codec)
  const flags =
    CODECS.indexOf(codec) |
    (batch.logAppendTimeMs === undefined ? 0 : 0x08) |
    (batch.transactional || control ? 0x10 : 0) |
    (control ? 0x20 : 0)
  encoded.writeInt32BE(batch.leaderEpoch ?? 0, 12)
  encoded.writeInt16BE(flags, 21)
  return seal(encoded)
}

/** Writes the checksum anew over what the batch says by now. */
export function seal(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32C(batch.subarray(21)), 17)
  return batch
}

/** `count` consecutive records, whose values are their offsets. */
export function consecutive(from: bigint, count: number): TestRecord[] {
  return Array.from({ length: count }, (_, i) => ({ offset: from + BigInt(i), value: `${from + BigInt(i)}` }))
}

function controlRecord(offset: bigint, control: 'commit' | 'abort'): TestRecord {
  return { offset, key: Buffer.from([0, 0, 0, control === 'commit' ? 1 : 0]), value: Buffer.alloc(6) }
}

function compressed(batch: Buffer, codec: NonNullable<TestBatch['codec']>): Buffer {
  if (codec === 'none') return batch
  const encoded = Buffer.concat([batch.subarray(0, 61), COMPRESS[codec](batch.subarray(61))])
  encoded.writeInt32BE(encoded.length - 12, 8)
  return encoded
}
