import { type ObjectPosition, positionPart } from '../contract/path-template.ts'
import type { EnvelopeFault } from './envelope.ts'
import type { SourceRecord } from './record-source.ts'

/** Why a record cannot be delivered. Metric label and field of the reject. */
export type RejectReason = EnvelopeFault | 'tombstone' | 'no_namespace' | 'no_event_name' | 'bad_timestamp'

export const REJECT_REASONS: readonly RejectReason[] = [
  'not_json',
  'not_object',
  'tombstone',
  'no_namespace',
  'no_event_name',
  'bad_timestamp',
]

/**
 * Where a set's rejects go. Derived from the set alone, as every other key of it, so a replay writes the same object.
 *
 * @param connector `<namespace>/<name>` of the custom resource
 */
export function rejectsKey(connector: string, { topic, partition, startOffset, epoch }: ObjectPosition): string {
  return `_errors/${connector}/${topic}-${positionPart(partition, startOffset, epoch)}.json`
}

/** One line of a rejects object: all that is needed to find the record again, mend it and produce it anew. */
export function rejectLine(topic: string, partition: number, record: SourceRecord, reason: RejectReason): Buffer {
  return Buffer.from(
    JSON.stringify({
      topic,
      partition,
      offset: String(record.offset),
      timestamp: new Date(record.timestampMs).toJSON(),
      reason,
      key: base64(record.key),
      headers: headersInBase64(record.headers),
      value: base64(record.value),
    }),
  )
}

/** Keys and values are arbitrary bytes: base64 keeps them exactly. */
function base64(bytes: Buffer | string | null): string | null {
  return bytes === null ? null : Buffer.from(bytes as Buffer).toString('base64')
}

function headersInBase64(headers: SourceRecord['headers']): Record<string, (string | null)[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? null].flat().map((v) => base64(v))]),
  )
}
