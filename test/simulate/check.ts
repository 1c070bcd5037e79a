import type { SimulatedBucket } from './simulated-bucket.ts'
import { linesOf } from './simulated-encoder.ts'
import type { Produced, SimulatedLog } from './simulated-log.ts'
import type { SimulatedProcess } from './simulated-process.ts'

/**
 * Everything that must hold at the end of a schedule and does not.
 *
 * @param stoppedAt partitions that say so, since Kafka has lost some of what was promised of them, and from where on nothing need be delivered
 */
export function violationsOf(
  logs: ReadonlyMap<number, SimulatedLog>,
  bucket: SimulatedBucket,
  processes: readonly SimulatedProcess[],
  stoppedAt: ReadonlyMap<number, bigint>,
): string[] {
  return [
    ...bucket.violations,
    ...misplaced(logs, bucket, processes, stoppedAt),
    ...processes.filter(({ life }) => !life.isDead).flatMap(miscounted),
  ]
}

/** Every record is in one object, byte for byte, or in one rejects object, or filtered; and nothing else is anywhere. */
function misplaced(
  logs: ReadonlyMap<number, SimulatedLog>,
  bucket: SimulatedBucket,
  processes: readonly SimulatedProcess[],
  stoppedAt: ReadonlyMap<number, bigint>,
): string[] {
  const keysOf = new Map<string, string[]>()
  const violations: string[] = []
  for (const [key, { body }] of bucket.objects) {
    if (key.startsWith('_probe/')) continue
    for (const line of linesOf(key, body)) {
      const what = key.startsWith('_errors/') ? rejectedBy(line) : line
      keysOf.set(what, [...(keysOf.get(what) ?? []), key])
    }
  }
  for (const log of logs.values()) {
    const { partition, produced } = log
    for (const record of produced) {
      const what = placeOf(partition, record)
      const keys = keysOf.get(what) ?? []
      keysOf.delete(what)
      const expected = record.fate === 'filtered' ? 0 : 1
      if (keys.length === expected || (keys.length === 0 && isReportedLost(record, log, processes))) continue
      if (keys.length === 0 && record.offset >= (stoppedAt.get(partition) ?? record.offset + 1n)) continue
      const where = keys.length === 0 ? 'nowhere' : keys.join(' and ')
      violations.push(`record ${record.offset} of partition ${partition} (${record.fate}) is ${where}`)
    }
  }
  for (const { partition, lost } of logs.values())
    for (const record of lost) {
      const what = placeOf(partition, record)
      const keys = keysOf.get(what) ?? []
      keysOf.delete(what)
      if (keys.length > 1)
        violations.push(`record ${record.offset} of partition ${partition}, which Kafka lost, is ${keys.join(' and ')}`)
    }
  for (const [what, keys] of keysOf) violations.push(`never produced: ${what} in ${keys.join(' and ')}`)
  return violations
}

/** Only what has expired may be missing, and only where a sink has told that it is. */
function isReportedLost({ offset }: Produced, log: SimulatedLog, processes: readonly SimulatedProcess[]): boolean {
  if (offset >= log.startOffset) return false
  // Behind a cut that stopped the partition nobody reads, and so nobody tells what expires there.
  if (offset < log.unseenBefore || (log.cutAt !== null && offset >= log.cutAt)) return true
  const told = processes.flatMap(({ sink }) => sink.status().lost.ranges)
  return told.some(
    ({ partition, from, to }) => partition === log.partition && BigInt(from) <= offset && offset < BigInt(to),
  )
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
