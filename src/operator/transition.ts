import type { AnalyticsConnectorStatus } from '../contract/resource.ts'
import type { Transition } from '../kube/events.ts'

/**
 * The Event that a change of status is worth: one when the connector goes from one state to another or fails for another
 * reason, one when Ready does; none for progress within a state.
 */
export function transitionOf(
  previous: AnalyticsConnectorStatus | undefined,
  next: AnalyticsConnectorStatus,
): Transition | undefined {
  const [before, after] = [previous?.connector, next.connector]
  const hasMoved = before?.status !== after?.status || (before?.error ?? null) !== (after?.error ?? null)
  const type = hasMoved ? 'Active' : 'Ready'
  const [was, is] = [conditionOf(previous, type), conditionOf(next, type)]
  if (!is || (!hasMoved && was?.status === is.status && was.reason === is.reason)) return undefined
  return {
    type: after?.status === 'FAILED' ? 'Warning' : 'Normal',
    reason: is.reason,
    action: 'Reconcile',
    note: is.message,
  }
}

function conditionOf(status: AnalyticsConnectorStatus | undefined, type: 'Active' | 'Ready') {
  return status?.conditions?.find((condition) => condition.type === type)
}
