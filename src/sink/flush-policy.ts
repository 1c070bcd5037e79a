/** Why a set was closed. Metric label and log field; every flush has one. */
export const FLUSH_REASONS = ['events', 'bytes', 'interval', 'memory', 'rebalance', 'shutdown'] as const
export type FlushReason = (typeof FLUSH_REASONS)[number]

export interface FlushLimits {
  /** Most events in one object. */
  readonly events: number
  /** Most bytes in one object. */
  readonly bytes: number
  /** Longest time between a set's first record and its flush, milliseconds. */
  readonly intervalMs: number
}

/** What the policy needs to know about an open set. */
export interface SetSize {
  /** Events in the set's fullest object. */
  readonly mostEvents: number
  /** Bytes in the set's largest object. */
  readonly mostBytes: number
  /** When the set got its first record, milliseconds since the epoch; null while it has none. */
  readonly firstRecordAtMs: number | null
}

/**
 * Whether a set must be flushed now, and why. Holds no timer and no clock: it is asked after each record, and again when
 * `flushDeadlineMs` has come, so that a topic that fell silent is flushed too. Memory, rebalance and shutdown are
 * decided by those who see more than one set.
 */
export function flushReason(limits: FlushLimits, set: SetSize, nowMs: number): FlushReason | null {
  return sizeFlushReason(limits, set) ?? (nowMs >= (flushDeadlineMs(limits, set) ?? Infinity) ? 'interval' : null)
}

/** The part of the policy that does not depend on time: limits are per object, and the first object to reach one closes the set. */
export function sizeFlushReason(limits: FlushLimits, set: SetSize): FlushReason | null {
  if (set.mostEvents >= limits.events) return 'events'
  if (set.mostBytes >= limits.bytes) return 'bytes'
  return null
}

/** When the policy must be asked again if nothing else happens, milliseconds since the epoch; null for a set without records. */
export function flushDeadlineMs(limits: FlushLimits, set: SetSize): number | null {
  return set.firstRecordAtMs === null ? null : set.firstRecordAtMs + limits.intervalMs
}
