import type { RecordBatch, SourceRecord } from '../record-source.ts'

/** Bytes that may move to another buffer, each to the same place. */
export interface BytesSource {
  readonly data: Buffer
}

/** The records of one record batch, decompressed and still encoded: `count` of them in `source.data` from `at` to `end`. */
export interface DecodedBatch {
  readonly source: BytesSource
  readonly at: number
  readonly end: number
  readonly count: number
  readonly baseOffset: bigint
  readonly baseTimestampMs: number
  /** The broker's time, which counts for all records; null where the producer's does. */
  readonly appendTimestampMs: number | null
  /** Records with a smaller offset delta lie before the position and are left out. */
  readonly firstDelta: number
}

/**
 * The records of some record batches, one after the other, through one view: to read a record allocates nothing.
 *
 * Record => length varint · attributes int8 · timestampDelta varlong · offsetDelta varint · key varint-bytes
 *   value varint-bytes · headers [key varint-string, value varint-bytes]
 * Source: https://kafka.apache.org/documentation/#record
 */
export class DecodedRecords implements RecordBatch {
  readonly nextOffset: bigint
  readonly highWatermark: bigint
  readonly #batches: readonly DecodedBatch[]
  readonly #view = new RecordView()
  #nextBatch = 0
  #left = 0
  #firstDelta = 0

  constructor(batches: readonly DecodedBatch[], nextOffset: bigint, highWatermark: bigint) {
    this.#batches = batches
    this.nextOffset = nextOffset
    this.highWatermark = highWatermark
  }

  next(): SourceRecord | null {
    for (;;) {
      while (this.#left === 0) {
        const batch = this.#batches[this.#nextBatch++]
        if (batch === undefined) return null
        this.#view.open(batch)
        this.#left = batch.count
        this.#firstDelta = batch.firstDelta
      }
      this.#left--
      this.#view.moveOn()
      if (this.#view.offsetDelta >= this.#firstDelta) return this.#view
    }
  }
}

const NO_SOURCE: BytesSource = { data: Buffer.alloc(0) }
const NO_HEADERS: SourceRecord['headers'] = Object.freeze({})

/** Reads the record format's variable-length numbers (zigzag, as in Protocol Buffers) as it moves from record to record. */
class RecordView implements SourceRecord {
  baseOffset = 0n
  offsetDelta = 0
  timestampMs = 0
  valueAt = 0
  valueLength = -1
  #source = NO_SOURCE
  #keyAt = 0
  #keyLength = -1
  #at = 0
  /** Where this record ends and the next begins. */
  #recordEnd = 0
  #batchEnd = 0
  #baseTimestampMs = 0
  #appendTimestampMs: number | null = null

  get bytes(): Buffer {
    return this.#source.data
  }

  open({ source, at, end, baseOffset, baseTimestampMs, appendTimestampMs }: DecodedBatch): void {
    this.#source = source
    this.baseOffset = baseOffset
    this.#recordEnd = at
    this.#batchEnd = end
    this.#baseTimestampMs = baseTimestampMs
    this.#appendTimestampMs = appendTimestampMs
  }

  moveOn(): void {
    this.#at = this.#recordEnd
    const length = this.#varint()
    this.#recordEnd = this.#at + length
    if (length <= 0 || this.#recordEnd > this.#batchEnd) throw this.#damaged()
    this.#at++
    const timestampDelta = this.#varlong()
    this.timestampMs = this.#appendTimestampMs ?? this.#baseTimestampMs + timestampDelta
    this.offsetDelta = this.#varint()
    this.#keyLength = this.#varint()
    this.#keyAt = this.#at
    if (this.#keyLength > 0) this.#at += this.#keyLength
    this.valueLength = this.#varint()
    this.valueAt = this.#at
    if (this.valueLength > 0) this.#at += this.valueLength
    if (this.#at > this.#recordEnd) throw this.#damaged()
  }

  get offset(): bigint {
    return this.baseOffset + BigInt(this.offsetDelta)
  }

  get key(): Buffer | null {
    return this.#keyLength < 0 ? null : this.bytes.subarray(this.#keyAt, this.#keyAt + this.#keyLength)
  }

  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueLength)
  }

  /** A header that occurs again makes its value a list; one without a value is there with `undefined`. */
  get headers(): SourceRecord['headers'] {
    this.#at = this.valueAt + Math.max(this.valueLength, 0)
    const count = this.#varint()
    if (count <= 0) return NO_HEADERS
    const headers: Record<string, Buffer | Buffer[] | undefined> = Object.create(null)
    for (let i = 0; i < count; i++) {
      const name = this.#slice()?.toString() ?? ''
      const value = this.#slice() ?? undefined
      const earlier = headers[name]
      if (earlier === undefined || value === undefined) headers[name] = value ?? earlier
      else headers[name] = Array.isArray(earlier) ? [...earlier, value] : [earlier, value]
    }
    return headers
  }

  #slice(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const start = this.#at
    this.#at += length
    if (this.#at > this.#recordEnd) throw this.#damaged()
    return this.bytes.subarray(start, this.#at)
  }

  #varint(): number {
    const { bytes } = this
    let byte = bytes[this.#at++] as number
    let raw = byte & 0x7f
    for (let shift = 7; byte & 0x80; shift += 7) {
      byte = bytes[this.#at++] as number
      raw |= (byte & 0x7f) << shift
    }
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Exact up to 2^52: a timestamp difference in milliseconds. */
  #varlong(): number {
    const { bytes } = this
    let byte = bytes[this.#at++] as number
    let raw = byte & 0x7f
    for (let factor = 128; byte & 0x80; factor *= 128) {
      byte = bytes[this.#at++] as number
      raw += (byte & 0x7f) * factor
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  #damaged(): Error {
    return new Error(`offset ${this.baseOffset}: record batch is damaged`)
  }
}
