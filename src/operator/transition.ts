import type { AnalyticsConnectorStatus } from '../contract/resource.ts'
import type { Condition } from '../contract/status-fields.ts'
import type { Transition } from '../kube/events.ts'
import { lossNote } from './lost-ranges.ts'

/** The Events that a change of status is worth. */
export function transitionsOf(
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition[] {
  return [
    turnOf(previous, next),
    offsetsOf(previous, next),
    warningOf('ScalingLimited', previous, next),
    warningOf('Conflicted', previous, next),
    lossOf(previous, next),
  ].filter((each) => each !== undefined)
}

/**
 * One when the connector goes from one state to another or fails for another reason, one when Ready does; none for progress
 * within a state.
 */
function turnOf(
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition | undefined {
  const [before, after] = [previous?.connector, next.connector]
  const hasMoved = before?.status !== after?.status || (before?.error ?? null) !== (after?.error ?? null)
  const type = hasMoved ? 'Active' : 'Ready'
  const [was, is] = [conditionOf(previous, type), conditionOf(next, type)]
  if (!is || (!hasMoved && was?.status === is.status && was.reason === is.reason)) return undefined
  return eventOf(is, after?.status === 'FAILED' ? 'Warning' : 'Normal')
}

/** One when the offsets of a connector at rest are no longer renewed, for each reason, and one when they are again. */
function offsetsOf(
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition | undefined {
  const [was, is] = [conditionOf(previous, 'OffsetsKept'), conditionOf(next, 'OffsetsKept')]
  const isNews = is?.status === 'False' ? was?.reason !== is.reason : was?.status === 'False'
  if (!is || !isNews) return undefined
  return eventOf(is, is.status === 'False' ? 'Warning' : 'Normal')
}

/** One when a condition comes that is there only while True, and for each other thing that it says. */
function warningOf(
  type: 'ScalingLimited' | 'Conflicted',
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition | undefined {
  const [was, is] = [conditionOf(previous, type), conditionOf(next, type)]
  return is && was?.message !== is.message ? eventOf(is, 'Warning') : undefined
}

/** One for everything that a pass finds to have expired: each range is new once. */
function lossOf(
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition | undefined {
  const note = lossNote(previous?.lost, next.lost)
  return note === undefined ? undefined : { type: 'Warning', reason: 'OffsetsExpired', action: 'Reconcile', note }
}

function eventOf({ reason, message }: Condition, type: Transition['type']): Transition {
  return { type, reason, action: 'Reconcile', note: message }
}

function conditionOf(status: AnalyticsConnectorStatus | undefined, type: string) {
  return status?.conditions?.find((condition) => condition.type === type)
}
