import type { RecordBatch, SourceRecord } from '../../src/sink/record-source.ts'

/** What a test says about a record; the rest of a SourceRecord follows from it. */
export interface PlainRecord extends Pick<SourceRecord, 'offset' | 'value'>, Partial<PlainRest> {}

type PlainRest = Pick<SourceRecord, 'timestampMs' | 'key' | 'headers'>

/** A record that stays as it is. Its value lies in the middle of other bytes, as it does in a fetch response. */
export function sourceRecord({ offset, value, timestampMs = 0, key = null, headers = {} }: PlainRecord): SourceRecord {
  const bytes = Buffer.concat([Buffer.from('{"'), value ?? Buffer.alloc(0), Buffer.from('"}')])
  const valueLength = value?.length ?? -1
  return {
    offset,
    baseOffset: offset - 1n,
    offsetDelta: 1,
    timestampMs,
    key,
    value: value && bytes.subarray(2, 2 + valueLength),
    bytes,
    valueAt: 2,
    valueLength,
    headers,
  }
}

/** A batch of records that exist already. */
export function recordBatch(
  records: readonly SourceRecord[],
  { nextOffset, highWatermark = nextOffset }: { nextOffset: bigint; highWatermark?: bigint },
): RecordBatch {
  let at = 0
  return { nextOffset, highWatermark, next: () => records[at++] ?? null }
}

/** Everything that is left of a batch, copied: the batch's own record is one that moves on. */
export function takeAll(batch: RecordBatch): PlainRecordCopy[] {
  const copies: PlainRecordCopy[] = []
  for (let record = batch.next(); record; record = batch.next()) {
    const { offset, timestampMs, key, value, headers } = record
    copies.push({ offset, timestampMs, key, value, headers: { ...headers } })
  }
  return copies
}

export type PlainRecordCopy = Pick<SourceRecord, 'offset' | 'value'> & PlainRest
