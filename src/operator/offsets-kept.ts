import type { Condition } from '../contract/status-fields.ts'
import type { Keeping } from './group-tasks.ts'

/** Twice the time between two renewals, and an hour for those that start late. */
const OVERDUE_MS = 49 * 3_600_000

/** Without a pod that delivers for so long a connector's offsets are renewed: a seventh of the time for which Kafka keeps them by default. */
const IDLE_MS = 24 * 3_600_000

/** Whether a connector's group may be without members for long: nothing is to run, or no sink gets as far as joining it. */
export function needsKeeping(replicas: number, idleMs: number): boolean {
  return replicas === 0 || idleMs >= IDLE_MS
}

/** The condition OffsetsKept, which is there only while nothing delivers: will Kafka still know where to go on? */
export function offsetsKept(
  { sinceMs, renewedAt, failure }: Keeping,
  nowMs: number,
): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (failure !== undefined) {
    const last = renewedAt === undefined ? 'never renewed so far' : `last renewed at ${renewedAt}`
    return { status: 'False', reason: 'RenewalFailed', message: `${failure} (${last}; tried again once a day)` }
  }
  const lastMs = renewedAt === undefined ? sinceMs : Date.parse(renewedAt)
  if (lastMs !== undefined && nowMs - lastMs > OVERDUE_MS) {
    const message = `no renewal since ${new Date(lastMs).toISOString().replace(/\.\d+Z$/, 'Z')} although one is due every day: look at the connector's CronJob`
    return { status: 'False', reason: 'RenewalOverdue', message }
  }
  if (renewedAt !== undefined) {
    // Whether there were any is known to its pod alone, which goes at once: a group that never committed has none, nor one whose were forgotten before.
    const message = `what the consumer group has of offsets was renewed at ${renewedAt}`
    return { status: 'True', reason: 'Renewed', message }
  }
  return {
    status: 'Unknown',
    reason: 'NotYetRenewed',
    message:
      "the consumer group's offsets will be renewed for the first time within a day; Kafka keeps them for offsets.retention.minutes, by default 7 days",
  }
}
