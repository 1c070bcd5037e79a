import type { RecordBatch } from '../record-source.ts'
import { decompress } from './codecs.ts'
import { crc32c } from './crc32c.ts'
import { type DecodedBatch, DecodedRecords } from './decoded-records.ts'
import type { EpochSpan } from './leader-epochs.ts'

/*
 * RecordBatch (magic 2) =>
 *   0 baseOffset int64 · 8 batchLength int32 · 12 partitionLeaderEpoch int32 · 16 magic int8 · 17 crc uint32
 *   21 attributes int16 · 23 lastOffsetDelta int32 · 27 baseTimestamp int64 · 35 maxTimestamp int64
 *   43 producerId int64 · 51 producerEpoch int16 · 53 baseSequence int32 · 57 recordCount int32 · 61 [Record]
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
const HEADER_BYTES = 61
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
/** Bytes of a batch that `batchLength` does not count. */
const LENGTH_PREFIX_BYTES = 12
const MAGIC_V2 = 2
const CODEC_MASK = 0x07
const UNCOMPRESSED = 0
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** Records are handed out in pieces of about this size, so that little is decompressed at a time. */
const PIECE_BYTES = 1024 * 1024

/** What one fetch brought for one partition: whole record batches, still encoded, and perhaps a cut one at the end. */
export interface RecordSet {
  /** To be asked for each time: another buffer with the same bytes may have taken its place. */
  readonly data: Buffer
  readonly highWatermark: bigint
  /** Transactions within `data` that were aborted, in the order in which they ended: that is how a broker names them. */
  readonly abortedTransactions: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
}

interface BatchHeader {
  readonly at: number
  readonly end: number
  readonly baseOffset: bigint
  /** Not the last record's offset + 1: compaction may have removed the tail. */
  readonly nextOffset: bigint
  readonly attributes: number
  readonly producerId: bigint
}

/** What of a partition is in an answer. */
export interface Extent {
  /** The position after the last whole batch; where reading began when there is none. */
  readonly end: bigint
  /** Size of the batch behind it, of which only a part is in the answer; null when there is none, or too little of it to tell. */
  readonly cutBatchBytes: number | null
  /** Of its whole batches; one for each change of the leader. */
  readonly epochs: readonly EpochSpan[]
}

/** Reads headers only, up to a batch whose format is not known. */
export function extentOf(set: RecordSet, from: bigint): Extent {
  let end = from
  let endsAt = 0
  const epochs: EpochSpan[] = []
  for (const batch of readableBatchesOf(set)) {
    if (batch.nextOffset > end) end = batch.nextOffset
    endsAt = batch.end
    const epoch = set.data.readInt32BE(batch.at + LEADER_EPOCH_AT)
    if (epochs.at(-1)?.epoch !== epoch) epochs.push({ from: batch.baseOffset, epoch })
  }
  const isThere = endsAt + LENGTH_PREFIX_BYTES <= set.data.length
  const nextBytes = isThere ? LENGTH_PREFIX_BYTES + set.data.readInt32BE(endsAt + 8) : 0
  return { end, cutBatchBytes: endsAt + nextBytes > set.data.length ? nextBytes : null, epochs }
}

/** A record batch that cannot be handed out, as the broker's answer has it: `offset <first>: <why>`. */
export class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError'
  /** Where the one behind it begins. */
  readonly nextOffset: bigint

  constructor(baseOffset: bigint, nextOffset: bigint, cause: unknown) {
    super(`offset ${baseOffset}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    this.nextOffset = nextOffset
  }
}

/**
 * The records from `from` on, without control records and aborted ones. A piece may have no records and only move the
 * position. Values and keys are slices of `data` or of what it decompresses to.
 *
 * @throws UnreadableBatchError after the pieces before it
 */
export function* decodeRecordSet(set: RecordSet, from: bigint): Generator<RecordBatch> {
  const transactions = new AbortedTransactions(set)
  let batches: DecodedBatch[] = []
  let bytes = 0
  let nextOffset = from
  let handedOut = from
  const piece = (): RecordBatch => {
    const records = new DecodedRecords(batches, nextOffset, set.highWatermark)
    batches = []
    bytes = 0
    handedOut = nextOffset
    return records
  }
  const read = (header: BatchHeader) => {
    try {
      checkCrc(set.data, header)
      if (transactions.skips(header) || header.nextOffset <= from) return
      const batch = decodeBatch(set, header, from)
      batches.push(batch)
      bytes += batch.end - batch.at
    } catch (error) {
      throw new UnreadableBatchError(header.baseOffset, header.nextOffset, error)
    }
  }
  try {
    for (const header of batchesOf(set)) {
      read(header)
      if (header.nextOffset > nextOffset) nextOffset = header.nextOffset
      if (bytes >= PIECE_BYTES) yield piece()
    }
  } catch (error) {
    if (nextOffset > handedOut) yield piece()
    throw error
  }
  if (nextOffset > handedOut) yield piece()
}

/** CRC-32C of everything behind the checksum itself, compressed as it came: of what goes on there is no other proof that it is what was produced. */
function checkCrc(data: Buffer, { at, end }: BatchHeader): void {
  const expected = data.readUInt32BE(at + CRC_AT)
  const found = crc32c(data, at + CRC_AT + 4, end)
  if (found !== expected) throw new Error(`record batch is damaged: its checksum is ${found}, not ${expected}`)
}

/** Those before one whose format is not known. */
function* readableBatchesOf(set: RecordSet): Generator<BatchHeader> {
  try {
    yield* batchesOf(set)
  } catch (error) {
    if (!(error instanceof UnreadableBatchError)) throw error
  }
}

/** @throws UnreadableBatchError */
function* batchesOf(set: RecordSet): Generator<BatchHeader> {
  for (let at = 0; at + MAGIC_AT < set.data.length; ) {
    const { data } = set
    const end = at + LENGTH_PREFIX_BYTES + data.readInt32BE(at + 8)
    // The broker cuts the last batch at the size that was asked for.
    if (end > data.length) return
    const magic = data.readInt8(at + MAGIC_AT)
    const baseOffset = data.readBigInt64BE(at)
    if (magic !== MAGIC_V2 || end < at + HEADER_BYTES)
      throw new UnreadableBatchError(
        baseOffset,
        baseOffset + 1n,
        `record format ${magic} is not supported (Kafka 0.11 and later write format 2)`,
      )
    yield {
      at,
      end,
      baseOffset,
      nextOffset: baseOffset + BigInt(data.readInt32BE(at + 23)) + 1n,
      attributes: data.readInt16BE(at + 21),
      producerId: data.readBigInt64BE(at + 43),
    }
    at = end
  }
}

/** Which batches read_committed leaves out. The rules are those of the Java client (CompletedFetch.nextFetchedRecord). */
class AbortedTransactions {
  readonly #set: RecordSet
  /** In the order in which they began. */
  readonly #aborted: RecordSet['abortedTransactions']
  readonly #open = new Set<bigint>()
  #next = 0

  constructor(set: RecordSet) {
    this.#set = set
    this.#aborted = set.abortedTransactions.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  }

  skips(batch: BatchHeader): boolean {
    for (let t = this.#aborted[this.#next]; t && t.firstOffset < batch.nextOffset; t = this.#aborted[++this.#next])
      this.#open.add(t.producerId)
    if (batch.attributes & CONTROL) {
      if (isAbortMarker(this.#set, batch)) this.#open.delete(batch.producerId)
      return true
    }
    return (batch.attributes & TRANSACTIONAL) !== 0 && this.#open.has(batch.producerId)
  }
}

/** ControlRecord key => version int16 · type int16, 0 = ABORT, 1 = COMMIT (KIP-98). Control batches are not compressed. */
function isAbortMarker(set: RecordSet, header: BatchHeader): boolean {
  const { baseOffset, nextOffset } = header
  const key = new DecodedRecords([decodeBatch(set, header, baseOffset)], nextOffset, nextOffset).next()?.key
  return key !== null && key !== undefined && key.length >= 4 && key.readInt16BE(2) === 0
}

function decodeBatch(set: RecordSet, { at, end, baseOffset, attributes }: BatchHeader, from: bigint): DecodedBatch {
  const { data } = set
  const codec = attributes & CODEC_MASK
  const body =
    codec === UNCOMPRESSED
      ? { source: set, at: at + HEADER_BYTES, end }
      : whole(decompress(codec, data.subarray(at + HEADER_BYTES, end)))
  return {
    ...body,
    count: data.readInt32BE(at + 57),
    baseOffset,
    baseTimestampMs: Number(data.readBigInt64BE(at + 27)),
    appendTimestampMs: attributes & LOG_APPEND_TIME ? Number(data.readBigInt64BE(at + 35)) : null,
    firstDelta: Number(from - baseOffset),
  }
}

function whole(data: Buffer) {
  return { source: { data }, at: 0, end: data.length }
}
