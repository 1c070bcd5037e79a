import { ByteLog, crc32Of } from './byte-log.ts'
import type { BodyFormat } from './encode/body-encoder.ts'
import { asOneLine } from './envelope.ts'
import { type SetSize, TIME_PARTITION_GRACE_MS } from './flush-policy.ts'
import type { Plan } from './plan.ts'
import type { SourceRecord } from './record-source.ts'
import { type RejectReason, rejectLine } from './rejects.ts'
import type { SlabPool } from './slab-pool.ts'

export interface SetCounts {
  read: number
  delivered: number
  filtered: number
  readonly rejected: Map<RejectReason, number>
}

/**
 * All records [startOffset, endOffset) of one partition, grouped into the objects they will be: one object for each path
 * that the plan gives, and one for rejects. Open while it grows; the whole set is closed at one offset.
 */
export class RecordSet implements SetSize {
  readonly plan: Plan
  readonly topic: string
  readonly partition: number
  readonly startOffset: bigint
  readonly counts: SetCounts = { read: 0, delivered: 0, filtered: 0, rejected: new Map() }
  /**
   * Interval flushes count from the first record that is kept; until there is one, from the first offset that was read, be it only a
   * transaction's marker: the committed offset moves past it too, so that an idle partition shows no lag for ever.
   */
  firstRecordAtMs: number | null = null
  /** Kafka's timestamp of the first record that was read and has one. */
  firstTimestampMs: number | null = null
  mostEvents = 0
  mostBytes = 0
  /** Memory held for the set's records. */
  allocatedBytes = 0
  readonly #slabs: SlabPool
  readonly #objects = new Map<string, ByteLog>()
  /** Where the record before went. */
  #lastPath: string | null = null
  #lastLog: ByteLog | null = null
  readonly #rejects: ByteLog
  /** The end is `#endOffset`, or behind the record at `#lastDelta` after it: no bigint is made for each record. */
  #endOffset: bigint
  #lastDelta = -1

  constructor(plan: Plan, topic: string, partition: number, startOffset: bigint, slabs: SlabPool) {
    this.plan = plan
    this.topic = topic
    this.partition = partition
    this.startOffset = startOffset
    this.#endOffset = startOffset
    this.#slabs = slabs
    this.#rejects = new ByteLog(slabs)
  }

  /** Exclusive. The position, not the last record + 1, once `advanceTo` has said so. */
  get endOffset(): bigint {
    return this.#endOffset + BigInt(this.#lastDelta + 1)
  }

  get objectCount(): number {
    return this.#objects.size
  }

  /** A set that is begun soon after the end of a time partition may have the last events of that one. */
  get timePartitionEndMs(): number | null {
    return this.firstRecordAtMs === null
      ? null
      : this.plan.timePartitionEndMs(this.firstRecordAtMs - TIME_PARTITION_GRACE_MS)
  }

  get isUntouched(): boolean {
    return this.endOffset === this.startOffset
  }

  /** Takes a record in: copies what it keeps. Records come in log order. */
  add(record: SourceRecord, nowMs: number): void {
    const route = this.plan.route(this.topic, record)
    this.#endOffset = record.baseOffset
    this.#lastDelta = record.offsetDelta
    if (this.firstTimestampMs === null && record.timestampMs >= 0) this.firstTimestampMs = record.timestampMs
    const keptBefore = this.counts.read - this.counts.filtered
    this.counts.read++
    if (route.kind === 'filtered') {
      this.counts.filtered++
      this.firstRecordAtMs ??= nowMs
      return
    }
    if (keptBefore === 0) this.firstRecordAtMs = nowMs
    if (route.kind === 'object') {
      this.counts.delivered++
      const log = this.#objectAt(route.path)
      if (route.isOneLine) this.#append(log, record.bytes, record.valueAt, record.valueLength)
      else this.#appendAll(log, asOneLine(record.value as Buffer))
    } else {
      this.counts.rejected.set(route.reason, (this.counts.rejected.get(route.reason) ?? 0) + 1)
      this.#appendAll(this.#rejects, rejectLine(this.topic, this.partition, record, route.reason))
    }
  }

  /** Moves the end past offsets without records (control records, compacted away). */
  advanceTo(nextOffset: bigint, nowMs: number): void {
    this.#endOffset = nextOffset
    this.#lastDelta = -1
    if (!this.isUntouched) this.firstRecordAtMs ??= nowMs
  }

  /** The closed set as objects, in the order of their keys. The bodies are lent, not copied. */
  objects(): SetObject[] {
    const { plan, topic, partition, startOffset } = this
    const objects = [...this.#objects].map(([path, log]) => setObject(plan.keyOf(path, this), log, plan.bodyFormat))
    if (this.#rejects.lines > 0)
      objects.push(setObject(plan.rejectsKeyOf({ topic, partition, startOffset }), this.#rejects, REJECTS_FORMAT))
    return objects.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** Gives the memory of all records back, once every object is in the bucket or none will be written: nobody may read the bodies any more. */
  release(): void {
    for (const log of this.#objects.values()) log.release()
    this.#rejects.release()
    this.allocatedBytes = 0
  }

  #objectAt(path: string): ByteLog {
    if (this.#lastLog !== null && path === this.#lastPath) return this.#lastLog
    this.#lastLog = this.#objects.get(path) ?? this.#newObject(path)
    this.#lastPath = path
    return this.#lastLog
  }

  #newObject(path: string): ByteLog {
    const log = new ByteLog(this.#slabs)
    this.#objects.set(path, log)
    return log
  }

  #appendAll(log: ByteLog, line: Buffer): void {
    this.#append(log, line, 0, line.length)
  }

  #append(log: ByteLog, bytes: Buffer, at: number, length: number): void {
    this.allocatedBytes += log.append(bytes, at, length)
    if (log.lines > this.mostEvents) this.mostEvents = log.lines
    if (log.bytes > this.mostBytes) this.mostBytes = log.bytes
  }
}

/** One object of a closed set. */
export interface SetObject {
  readonly key: string
  /** How the lines are to be written; chunks, size and checksum are of the lines themselves. */
  readonly format: BodyFormat
  readonly chunks: readonly Buffer[]
  readonly records: number
  readonly sizeBytes: number
  readonly crc32: string
}

/** Rejects are read by people, whatever the events are written as. */
const REJECTS_FORMAT: BodyFormat = { format: 'ndjson', compression: 'none', eventType: '' }

function setObject(key: string, log: ByteLog, format: BodyFormat): SetObject {
  return { key, format, chunks: log.chunks(), records: log.lines, sizeBytes: log.bytes, crc32: log.crc32 }
}

/** Names a set's content: equal for equal keys and lines, whatever they are encoded in. */
export function setChecksum(objects: readonly SetObject[]): string {
  return crc32Of(objects.map(({ key, records, crc32 }) => `${key}\n${records}\n${crc32}\n`))
}
