/** Why a set was closed. Metric label and log field; every flush has one. `expired`: what comes next has expired in Kafka. */
export const FLUSH_REASONS = [
  'events',
  'bytes',
  'interval',
  'partition_closed',
  'too_many_objects',
  'memory',
  'expired',
  'rebalance',
  'shutdown',
] as const
export type FlushReason = (typeof FLUSH_REASONS)[number]

/** How long after its end a time partition is flushed: events are that late as a rule, and what comes later has its own flush. */
export const TIME_PARTITION_GRACE_MS = 30_000

export interface FlushLimits {
  /** Most events in one object. */
  readonly events: number
  /** Most bytes in one object. */
  readonly bytes: number
  /** Longest time between a set's first record and its flush, milliseconds. */
  readonly intervalMs: number
  /** Most objects in one set. */
  readonly objects: number
}

/** What the policy needs to know about an open set. */
export interface SetSize {
  /** Events in the set's fullest object. */
  readonly mostEvents: number
  /** Bytes in the set's largest object. */
  readonly mostBytes: number
  readonly objectCount: number
  /** When the set got its first record or passed its first offset without one, milliseconds since the epoch; null before. */
  readonly firstRecordAtMs: number | null
  /** End of the time partition whose events may be in it: that was in it, or no longer after its end than the grace; null where paths do not tell the time, or only by months. */
  readonly timePartitionEndMs: number | null
}

/**
 * Whether a set must be flushed now, and why. Holds no timer and no clock: it is asked after each record, and again when
 * `flushDeadlineMs` has come, so that a topic that fell silent is flushed too. Memory, expiry, rebalance and shutdown are
 * decided by those who see more than one set.
 *
 * A set that was begun in one time partition, or within the grace after it, is not kept long into the next, so that a reader
 * can take a partition for complete soon after its end. This goes by our clock and not by the records': late ones would cause a flush each.
 */
export function flushReason(limits: FlushLimits, set: SetSize, nowMs: number): FlushReason | null {
  return sizeFlushReason(limits, set) ?? timeFlushReason(limits, set, nowMs)
}

/** The part of the policy that does not depend on time: the first object to reach a limit closes the set. */
export function sizeFlushReason(limits: FlushLimits, set: SetSize): FlushReason | null {
  if (set.mostEvents >= limits.events) return 'events'
  if (set.mostBytes >= limits.bytes) return 'bytes'
  if (set.objectCount >= limits.objects) return 'too_many_objects'
  return null
}

function timeFlushReason(limits: FlushLimits, set: SetSize, nowMs: number): FlushReason | null {
  if (nowMs >= intervalEndMs(limits, set)) return 'interval'
  return nowMs >= partitionClosedAtMs(set) ? 'partition_closed' : null
}

/** When the policy must be asked again if nothing else happens, milliseconds since the epoch; null for an untouched set. */
export function flushDeadlineMs(limits: FlushLimits, set: SetSize): number | null {
  const deadlineMs = Math.min(intervalEndMs(limits, set), partitionClosedAtMs(set))
  return Number.isFinite(deadlineMs) ? deadlineMs : null
}

function intervalEndMs({ intervalMs }: FlushLimits, { firstRecordAtMs }: SetSize): number {
  return firstRecordAtMs === null ? Number.POSITIVE_INFINITY : firstRecordAtMs + intervalMs
}

function partitionClosedAtMs({ timePartitionEndMs }: SetSize): number {
  return timePartitionEndMs === null ? Number.POSITIVE_INFINITY : timePartitionEndMs + TIME_PARTITION_GRACE_MS
}
