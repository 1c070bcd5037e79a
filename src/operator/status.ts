import type { AnalyticsConnectorStatus, ConnectorStatus } from '../contract/resource.ts'
import { type Condition, MAX_MESSAGE_LENGTH } from '../contract/status-fields.ts'
import type { Deployment } from '../kube/kinds.ts'
import type { Conflict } from './conflicts.ts'
import { labelSelector } from './desired/metadata.ts'
import type { Keeping } from './group-tasks.ts'
import { lostOf } from './lost-ranges.ts'
import { delivers, type ObservedPod } from './observe.ts'
import { needsKeeping, offsetsKept } from './offsets-kept.ts'
import { judge, type Verdict } from './verdict.ts'

/** Everything that the status of a connector is made from. */
export interface Situation {
  readonly connectorName: string
  /** The connector's id in the REST API; undefined while it could not be given one. */
  readonly id: number | undefined
  readonly generation: number
  /** spec.active, with its default. */
  readonly active: boolean
  /** Pods that should run now: 0 while paused. */
  readonly replicas: number
  /** Pods that the spec asks for; undefined when it cannot become a configuration. */
  readonly wantedReplicas: number | undefined
  readonly topicPartitions: number | undefined
  /** Revision and pod template that the pods should have; undefined when the spec cannot become a configuration. */
  readonly revision: string | undefined
  readonly template: string | undefined
  readonly deployment: Deployment | undefined
  readonly pods: readonly ObservedPod[]
  /** Why nothing goes on until a person acts. */
  readonly stalled: { readonly reason: string; readonly message: string } | undefined
  /** What the pod template says about restarts. */
  readonly restartRequestedAt: string | undefined
  readonly keeping: Keeping
  /** For how long no pod has delivered, milliseconds. */
  readonly idleMs: number
  /** What the connector still waits for before it is gone; undefined unless it is being deleted. */
  readonly deletion: string | undefined
  /** What another connector has too; undefined for nothing. */
  readonly conflict: Conflict | undefined
  /** How the sinks ended since one delivered last, in words; undefined where that is not known. */
  readonly ending: string | undefined
  readonly previous: AnalyticsConnectorStatus | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * The whole status of a connector. Pure. `time` and each `lastTransitionTime` are the previous ones unless what they stand
 * beside has changed, so equal situations give equal statuses.
 */
export function statusOf(situation: Situation): AnalyticsConnectorStatus {
  const { connectorName, generation, active, revision, deployment, restartRequestedAt, previous, now } = situation
  const verdict = judge(situation)
  const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
  const id = situation.id ?? previous?.id
  const topicPartitions = situation.topicPartitions ?? previous?.topicPartitions
  const lost = lostOf(previous?.lost, situation.pods)
  const runs = verdict.isComplete ? revision : previous?.revision
  const renewedAt = isIdle(verdict, situation) ? situation.keeping.renewedAt : undefined
  return {
    observedGeneration: generation,
    ...(id === undefined ? {} : { id }),
    active,
    replicas: deployment?.status?.replicas ?? 0,
    selector: labelSelector(connectorName),
    ...(runs === undefined ? {} : { revision: runs }),
    ...(restartRequestedAt === undefined ? {} : { restartRequestedAt }),
    ...(renewedAt === undefined ? {} : { offsetsRenewedAt: renewedAt }),
    ...(topicPartitions === undefined ? {} : { topicPartitions }),
    ...(lost === undefined ? {} : { lost }),
    connector: statusDocument(connectorName, verdict, previous?.connector, time),
    conditions: conditionsOf(verdict, situation, time),
  }
}

function statusDocument(
  connector: string,
  verdict: Verdict,
  previous: ConnectorStatus | undefined,
  now: string,
): ConnectorStatus {
  const { status } = verdict
  const error = verdict.error === null ? null : fitting(verdict.error)
  const isSame = previous?.status === status && (previous.error ?? null) === error && previous.connector === connector
  return { time: isSame ? previous.time : now, connector, status, error }
}

/** What others say (a sink, an admission webhook) may be of any length. */
function fitting(message: string): string {
  return message.slice(0, MAX_MESSAGE_LENGTH)
}

/**
 * Exactly one Ready, one Active, and Reconciling or Stalled, never both, only while True.
 * Source: kstatus; Flux's condition conventions.
 */
function conditionsOf(verdict: Verdict, situation: Situation, now: string): Condition[] {
  const {
    generation: observedGeneration,
    previous,
    keeping,
    replicas,
    revision,
    deletion,
    conflict,
    pods,
    now: nowMs,
  } = situation
  const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => {
    const before = previous?.conditions?.find((each) => each.type === type)
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now
    return { type, status, observedGeneration, lastTransitionTime, reason, message: fitting(message) }
  }
  const { ready, reason, message, progress } = verdict
  const isActive = verdict.status === 'ACTIVE'
  const limited = limitOf(situation)
  const isWritingStill = replicas === 0 && pods.length > 0
  // What is refused may have kept the renewal from being set up: then there is nothing to promise.
  const isSetUp = situation.stalled === undefined || keeping.sinceMs !== undefined
  const mayTell = isSetUp && !isWritingStill && revision !== undefined && deletion === undefined
  const kept = mayTell && isIdle(verdict, situation) ? offsetsKept(keeping, nowMs) : undefined
  return [
    condition('Ready', ready, reason, message),
    condition('Active', isActive ? 'True' : 'False', activeReason(verdict), verdict.error ?? message),
    ...(progress === undefined ? [] : [condition(progress, 'True', reason, message)]),
    ...(conflict ? [condition('Conflicted', 'True', conflict.reason, conflict.message)] : []),
    ...(limited ? [condition('ScalingLimited', 'True', 'TooFewPartitions', limited)] : []),
    ...(kept ? [condition('OffsetsKept', kept.status, kept.reason, kept.message)] : []),
  ]
}

/** Whether the offsets depend on their renewal: nothing delivers, and will not or has not for long. */
function isIdle({ status }: Verdict, { replicas, idleMs }: Situation): boolean {
  return status !== 'ACTIVE' && needsKeeping(replicas, idleMs)
}

/**
 * Why there are fewer pods than the spec asks for. The word is the HorizontalPodAutoscaler's for the same. What only sinks of an earlier
 * configuration have counted may be the topics of another filter: it is no news.
 */
function limitOf(situation: Situation): string | undefined {
  const { replicas, wantedReplicas = 0, topicPartitions, pods, revision, previous } = situation
  if (replicas === 0 || wantedReplicas <= replicas || topicPartitions === undefined) return undefined
  const limit = `spec.replicas is ${wantedReplicas}, partitions of the topics: ${topicPartitions}, pods: ${replicas}; more pods would have nothing to read`
  const isToldAlready = previous?.conditions?.some(
    ({ type, message }) => type === 'ScalingLimited' && message === limit,
  )
  return isToldAlready || pods.some((pod) => delivers(pod, revision)) ? limit : undefined
}

function activeReason({ status, reason }: Verdict): string {
  const reasons = { ACTIVE: 'Active', INACTIVE: 'Paused', STARTING: 'Starting', STOPPING: 'Stopping' } as const
  return status === 'FAILED' ? reason : reasons[status]
}

/** Whether nothing would change by writing `next`. */
export function isSameStatus(previous: AnalyticsConnectorStatus | undefined, next: AnalyticsConnectorStatus): boolean {
  return previous !== undefined && canonical(previous) === canonical(next)
}

/** JSON in which neither the order of fields and conditions nor an absent null counts. */
function canonical(status: AnalyticsConnectorStatus): string {
  const byType = (status.conditions ?? []).toSorted((a, b) => a.type.localeCompare(b.type))
  return JSON.stringify({ ...status, conditions: byType }, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, each]) => each !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : value,
  )
}
