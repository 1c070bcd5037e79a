/* Why a partition stops, in words for the status: what was found, and how a person lets it go on. */
import type { Intent } from './commit-metadata.ts'
import type { LogRange } from './record-source.ts'
import type { RecordSet } from './set.ts'

/** For a partition whose place in the log is not to be relied on any more: an offset that a tool sets has no intent and no mark beside it. */
export const NEW_PLACE =
  "To go on, pause the connector, set its group's offset of this partition by a Kafka tool and set spec.kafka.epoch to a number that was not used before"

/** What the broker sends is damaged, too long, or of a format or compression that is not known. Read again by itself, unlike the others. */
export function unreadable(why: string, nextOffset: bigint): string {
  return (
    `${why}. It is read again every minute. To pass over it, pause the connector, set its group's offset of this partition to ${nextOffset} by a Kafka tool ` +
    'and set spec.kafka.epoch to a number that was not used before'
  )
}

/** The log ends before the position. */
export function beyondTheEnd(position: bigint, { startOffset, endOffset }: LogRange): string {
  return (
    `offset ${position} is beyond the end of the log (${startOffset} to ${endOffset}): the topic was created again or has lost ` +
    `its newest records. ${NEW_PLACE}`
  )
}

/** The log lost records, and has others in their place. */
export function replacedAfterDelivery(from: bigint, to: bigint): string {
  return (
    `Kafka has lost offsets ${from} to ${to - 1n}, which were delivered or promised already (an unclean leader election), and has other records ` +
    `there now. ${NEW_PLACE}`
  )
}

/** Of what was promised the beginning has expired, and the rest is not what it was. */
export function replacedAfterPromise(set: RecordSet, leaderEpoch: number, epochNow: number): string {
  return (
    `Kafka has lost offsets of ${set.startOffset} to ${set.endOffset - 1n}, which were promised already (an unclean leader election: the last of them was of leader epoch ` +
    `${leaderEpoch}, now it is of ${epochNow}; those before have expired), and has other records there now. ${NEW_PLACE}`
  )
}

/** What was promised cannot be written as it was promised. */
export function replayDiffers(set: RecordSet, intent: Intent, checksum: string): string {
  const kept = set.counts.read - set.counts.filtered
  return (
    `offsets ${set.startOffset} to ${intent.endOffset} were promised as ${intent.records} records in ${intent.objects} objects ` +
    `(checksum ${intent.checksum}), but reading them again gives ${kept} records (checksum ${checksum}): records have expired or the topic was ` +
    `created again. ${NEW_PLACE}`
  )
}
