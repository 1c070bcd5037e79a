import { failureReasonOf } from '../contract/failure-reason.ts'
import type { ConnectorStatus } from '../contract/resource.ts'
import type { Deployment } from '../kube/kinds.ts'
import { sinkName } from './desired/metadata.ts'
import { delivers, type ObservedPod } from './observe.ts'
import type { Situation } from './status.ts'

/** What a situation amounts to. */
export interface Verdict {
  readonly status: ConnectorStatus['status']
  /** One line that a person can act on; null unless FAILED. */
  readonly error: string | null
  readonly ready: 'True' | 'False' | 'Unknown'
  /** CamelCase, for the conditions Ready, Reconciling and Stalled. */
  readonly reason: string
  readonly message: string
  /** The condition beside Ready=False: is the operator on its way, or must a person act? */
  readonly progress?: 'Reconciling' | 'Stalled'
  /** Every pod runs what the newest spec asks for and delivers. */
  readonly isComplete: boolean
}

/** Right where topics are still to come, and else what a misspelt namespace in the filter looks like. */
const NO_TOPIC = '; no topic in Kafka fits spec.filter so far, so nothing is read'

const NO_REASON = 'the sink says FAILED without a reason'

/**
 * Judges a situation. The first of these that holds decides: it is being deleted; a person must act on the spec; nothing is to run; a pod of the
 * wanted template has a problem; everything is as it should be; pods are refused; the rollout is stuck; pods cannot be asked; it is under way.
 */
export function judge(situation: Situation): Verdict {
  const { stalled, replicas } = situation
  if (situation.deletion !== undefined) return judgeDeletion(situation.deletion)
  if (stalled) return failed(situation, stalled.reason, stalled.message)
  if (replicas === 0) return judgeStopped(situation)
  const current = situation.pods.filter((pod) => pod.template === situation.template && pod.endsAtMs === undefined)
  return (
    judgeProblems(situation, current) ??
    judgeComplete(situation, current) ??
    judgeRefused(situation) ??
    judgeStuck(situation) ??
    judgeUnreachable(situation, current) ??
    judgeProgress(situation, current)
  )
}

function judgeDeletion(waitsFor: string): Verdict {
  const message = `being deleted, waits for ${waitsFor}`
  const verdict = { status: 'STOPPING', error: null, ready: 'False', isComplete: false } as const
  return { ...verdict, reason: 'Deleting', message, progress: 'Reconciling' }
}

function judgeStopped({ active, deployment, pods, ending, previous, now }: Situation): Verdict {
  const isObserved = hasObservedGeneration(deployment) && (deployment?.status?.replicas ?? 0) === 0
  const nothingRuns = { error: null, isComplete: false }
  if (pods.length > 0) {
    const late = pods.find(({ endsAtMs }) => endsAtMs !== undefined && endsAtMs <= now)
    const where = late ? `; ${late.name} should have ended: is its node gone?` : ''
    const message = `${count(pods.length, 'pod')} still to write and commit what is buffered, and to end${where}`
    return { ...nothingRuns, status: 'STOPPING', ready: 'False', reason: 'Stopping', message, progress: 'Reconciling' }
  }
  if (!isObserved) {
    const message = 'waiting for the Deployment to have no pods'
    return { ...nothingRuns, status: 'INACTIVE', ready: 'False', reason: 'Stopping', message, progress: 'Reconciling' }
  }
  const [reason, why] = active ? ['ScaledToZero', 'spec.replicas is 0'] : ['Paused', 'spec.active is false']
  const before = previous?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True')
  // An operator that has just begun does not know how the pods ended; what the status says of it stays so.
  const message = before?.reason === reason ? before.message : `${why}: ${ending ? `${ending}, ` : ''}no pods`
  return { ...nothingRuns, status: 'INACTIVE', ready: 'True', reason, message }
}

/** The newest template fails: Kubernetes cannot run a pod, or a sink says that it does not deliver. */
function judgeProblems(situation: Situation, current: readonly ObservedPod[]): Verdict | undefined {
  for (const pod of current) {
    const own = pod.report?.kind === 'status' ? pod.report.status : undefined
    if (own?.state === 'FAILED') return failed(situation, failureReasonOf(own.error ?? ''), own.error ?? NO_REASON)
    // A sink that delivers has come out of its crashes, though Kubernetes may be yet to find it ready.
    if (pod.problem && own?.state !== 'ACTIVE')
      return failed(situation, pod.problem.reason, `pod ${pod.name}: ${pod.problem.message}`)
  }
  return undefined
}

function judgeComplete(situation: Situation, current: readonly ObservedPod[]): Verdict | undefined {
  const { replicas, revision, pods, now } = situation
  // A pod on a dead node ends for ever; after its grace period it cannot hold up the others.
  const others = pods.filter((pod) => !current.includes(pod) && (pod.endsAtMs ?? Infinity) > now)
  const isComplete =
    isRolledOut(situation.deployment, replicas) &&
    others.length === 0 &&
    current.length === replicas &&
    current.every((pod) => delivers(pod, revision))
  if (!isComplete) return undefined
  const message = `pods delivering with revision ${revision}: ${replicas} of ${replicas}${hasNoTopic(current) ? NO_TOPIC : ''}`
  return { status: 'ACTIVE', error: null, ready: 'True', reason: 'Delivering', message, isComplete }
}

function hasNoTopic(pods: readonly ObservedPod[]): boolean {
  return pods.every(({ report }) => report?.kind === 'status' && report.status.topicPartitions === 0)
}

/** The API server takes no pod of the newest template: a quota, a policy, a service account that is not there. */
function judgeRefused(situation: Situation): Verdict | undefined {
  const failure = conditionOf(situation.deployment, 'ReplicaFailure')
  if (failure?.status !== 'True') return undefined
  return failed(situation, 'PodsRefused', `the API server refuses the pods: ${failure.message ?? failure.reason ?? ''}`)
}

function judgeStuck(situation: Situation): Verdict | undefined {
  const progressing = conditionOf(situation.deployment, 'Progressing')
  if (progressing?.reason !== 'ProgressDeadlineExceeded') return undefined
  return failed(situation, 'ProgressDeadlineExceeded', `the pods do not become ready: ${progressing.message ?? ''}`)
}

/** Kubernetes is content with the pods, and yet they do not answer the operator: nobody knows whether they deliver. */
function judgeUnreachable(situation: Situation, current: readonly ObservedPod[]): Verdict | undefined {
  const silent = current.find(({ report }) => report?.kind === 'unreachable')
  if (silent?.report?.kind !== 'unreachable' || !isRolledOut(situation.deployment, situation.replicas)) return undefined
  const status = situation.pods.some((pod) => delivers(pod)) ? 'ACTIVE' : 'STARTING'
  const message = `pod ${silent.name} does not answer the operator: ${silent.report.error}`
  return { status, error: null, ready: 'Unknown', reason: 'PodUnreachable', message, isComplete: false }
}

function judgeProgress(situation: Situation, current: readonly ObservedPod[]): Verdict {
  const {
    connectorName,
    deployment,
    pods,
    replicas,
    wantedReplicas = 0,
    topicPartitions,
    revision,
    previous,
  } = situation
  // An operator that has just begun has not asked the pods yet, and an edit may come before it has: what the status said of them stays.
  const isUnasked = pods.some(({ report, endsAtMs }) => report?.kind === 'pending' && endsAtMs === undefined)
  const isDelivering = pods.some((pod) => delivers(pod)) || (isUnasked && previous?.connector?.status === 'ACTIVE')
  const ending = pods.filter(({ endsAtMs }) => endsAtMs !== undefined).length
  const done = current.filter((pod) => delivers(pod, revision)).length
  const { availableReplicas = 0 } = deployment?.status ?? {}
  const message = [
    `pods delivering with revision ${revision}: ${done} of ${replicas}`,
    // The kubelet finds out a moment later; where it stays so, another container of the pod is not ready, such as a mesh's.
    ...(done === replicas && availableReplicas < replicas
      ? [`ready as Kubernetes sees them: ${availableReplicas}`]
      : []),
    ...(ending > 0 ? [`ending: ${ending}`] : []),
    ...(topicPartitions === undefined && wantedReplicas > replicas
      ? [`up to ${wantedReplicas} once the first has counted the partitions of its topics`]
      : []),
    // By a person: no rollout goes on then, and no deadline of it runs out.
    ...(deployment?.spec?.paused
      ? [`the Deployment is paused: kubectl rollout resume deployment/${sinkName(connectorName)}`]
      : []),
  ].join('; ')
  return {
    status: isDelivering ? 'ACTIVE' : 'STARTING',
    error: null,
    ready: 'False',
    reason: isDelivering ? 'RollingOut' : 'Starting',
    message,
    progress: 'Reconciling',
    isComplete: false,
  }
}

/**
 * What is asked for does not run, or not all of it. What ran before or beside it goes on, and the error says so; not where a sink fails
 * beside it, as that keeps its partitions from the others.
 */
function failed(situation: Situation, reason: string, message: string): Verdict {
  const delivering = situation.pods.filter((pod) => delivers(pod))
  const older = delivering.find((pod) => pod.template !== situation.template)
  const goingOn = older ?? (situation.pods.some(fails) ? undefined : delivering[0])
  const error = goingOn ? `${message} (revision ${goingOn.revision} goes on delivering)` : message
  return { status: 'FAILED', error, ready: 'False', reason, message: error, progress: 'Stalled', isComplete: false }
}

function fails({ report }: ObservedPod): boolean {
  return report?.kind === 'status' && report.status.state === 'FAILED'
}

/** What the Deployment controller says about the newest template. */
function conditionOf(deployment: Deployment | undefined, type: string) {
  if (!hasObservedGeneration(deployment)) return undefined
  return deployment?.status?.conditions?.find((condition) => condition.type === type)
}

function hasObservedGeneration(deployment: Deployment | undefined): boolean {
  const { metadata, status } = deployment ?? {}
  return metadata?.generation !== undefined && (status?.observedGeneration ?? 0) >= metadata.generation
}

/** As `kubectl rollout status` sees it: all pods are new ones, and all are available. */
function isRolledOut(deployment: Deployment | undefined, replicas: number): boolean {
  const { replicas: all, updatedReplicas, availableReplicas } = deployment?.status ?? {}
  return (
    hasObservedGeneration(deployment) &&
    all === replicas &&
    updatedReplicas === replicas &&
    availableReplicas === replicas
  )
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
