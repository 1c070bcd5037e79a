import type { SimulatedBucket } from './simulated-bucket.ts'
import type { Produced, SimulatedLog } from './simulated-log.ts'
import type { SimulatedProcess } from './simulated-process.ts'

/** Everything that must hold at the end of a schedule and does not. */
export function violationsOf(
  logs: ReadonlyMap<number, SimulatedLog>,
  bucket: SimulatedBucket,
  survivors: readonly SimulatedProcess[],
): string[] {
  return [
    ...bucket.overwritten.map((key) => `${key} was overwritten`),
    ...misplaced(logs, bucket),
    ...survivors.flatMap(miscounted),
  ]
}

/** Every record is in one object, byte for byte, or in one rejects object, or filtered; and nothing else is anywhere. */
function misplaced(logs: ReadonlyMap<number, SimulatedLog>, bucket: SimulatedBucket): string[] {
  const keysOf = new Map<string, string[]>()
  const violations: string[] = []
  for (const [key, { body }] of bucket.objects) {
    for (const line of body.toString().split('\n').slice(0, -1)) {
      const what = key.startsWith('_errors/') ? rejectedBy(line) : line
      keysOf.set(what, [...(keysOf.get(what) ?? []), key])
    }
  }
  for (const { partition, produced } of logs.values()) {
    for (const record of produced) {
      const what = placeOf(partition, record)
      const keys = keysOf.get(what) ?? []
      keysOf.delete(what)
      const expected = record.fate === 'filtered' ? 0 : 1
      if (keys.length === expected) continue
      const where = keys.length === 0 ? 'nowhere' : keys.join(' and ')
      violations.push(`record ${record.offset} of partition ${partition} (${record.fate}) is ${where}`)
    }
  }
  for (const [what, keys] of keysOf) violations.push(`never produced: ${what} in ${keys.join(' and ')}`)
  return violations
}

/** What is looked for in the bucket: the event itself, or the reject that names place and bytes. */
function placeOf(partition: number, { offset, value, fate }: Produced): string {
  if (fate !== 'reject') return String(value)
  return `${partition} ${offset} ${value === null ? null : value.toString('base64')}`
}

function rejectedBy(line: string): string {
  const { partition, offset, value } = JSON.parse(line)
  return `${partition} ${offset} ${value}`
}

/** A process that ended in good order has accounted for all that it read. */
function miscounted({ life, sink }: SimulatedProcess): string[] {
  const { records } = sink.status()
  const sum = records.delivered + records.rejected + records.filtered
  return records.read === sum ? [] : [`${life.name} counted ${JSON.stringify(records)}`]
}
