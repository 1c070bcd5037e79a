import { apiTime, type ContainerStatus, type Pod, type PodCondition, type PodStatus } from './pod.ts'
import type { NodeFacts } from './pod-fields.ts'

export interface PodFacts extends Pick<NodeFacts, 'hostIP' | 'podIP'> {
  readonly startTime: string
  /** The volumes are there and the pod has its address. */
  readonly mounted: boolean
  /** Nothing of the pod will run again. */
  readonly over: boolean
}

export interface ReportedStatus extends PodStatus {
  readonly hostIP: string
  readonly hostIPs: readonly { readonly ip: string }[]
  readonly podIPs: readonly { readonly ip: string }[]
  readonly observedGeneration?: number
}

/** The phase of a pod from its containers. Source: kubelet getPhase (pkg/kubelet/kubelet_pods.go). */
export function podPhase(
  statuses: readonly ContainerStatus[],
  { spec }: Pod,
  over: boolean,
): NonNullable<PodStatus['phase']> {
  const ended = statuses.map(({ state, lastState }) => state.terminated ?? (state.waiting && lastState.terminated))
  const running = statuses.some(({ state }) => state.running)
  if (statuses.some(({ state }, i) => state.waiting && !ended[i])) return over ? 'Failed' : 'Pending'
  if (running) return 'Running'
  const succeeded = ended.every((terminated) => terminated?.exitCode === 0)
  if (over) return succeeded ? 'Succeeded' : 'Failed'
  if ((spec.restartPolicy ?? 'Always') === 'Always') return 'Running'
  if (succeeded) return 'Succeeded'
  return spec.restartPolicy === 'Never' ? 'Failed' : 'Running'
}

/** The whole status a kubelet would report, conditions with their transition times kept from the pod's status so far. */
export function podStatus(pod: Pod, statuses: readonly ContainerStatus[], facts: PodFacts): ReportedStatus {
  const { hostIP, podIP, startTime } = facts
  const { generation } = pod.metadata
  const phase = podPhase(statuses, pod, facts.over)
  const conditions = conditionsOf(pod, statuses, facts, phase)
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    conditions: conditions.map((condition) => withTransitionTime(condition, pod)),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
    startTime,
    containerStatuses: statuses,
  }
}

function conditionsOf(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  facts: PodFacts,
  phase: PodStatus['phase'],
): PodCondition[] {
  const containersReady = containersReadyCondition(statuses, phase)
  return [
    { type: 'PodReadyToStartContainers', status: facts.mounted && !facts.over ? 'True' : 'False' },
    { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) },
    readyCondition(pod, containersReady),
    containersReady,
  ]
}

function containersReadyCondition(statuses: readonly ContainerStatus[], phase: PodStatus['phase']): PodCondition {
  const type = 'ContainersReady'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name)
  if (unready.length === 0) return { type, status: 'True' }
  return {
    type,
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  }
}

function readyCondition({ spec, status }: Pod, containersReady: PodCondition): PodCondition {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' }
  const closed = (spec.readinessGates ?? []).filter(
    ({ conditionType }) => status?.conditions?.find(({ type }) => type === conditionType)?.status !== 'True',
  )
  if (closed.length === 0) return { type: 'Ready', status: 'True' }
  const message = closed.map(
    ({ conditionType }) => `corresponding condition of pod readiness gate "${conditionType}" is not True.`,
  )
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: message.join(' ') }
}

function withTransitionTime(condition: PodCondition, { status }: Pod): PodCondition {
  const before = status?.conditions?.find(({ type }) => type === condition.type)
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : undefined
  return { ...condition, lastTransitionTime: lastTransitionTime ?? apiTime(Date.now()) }
}
