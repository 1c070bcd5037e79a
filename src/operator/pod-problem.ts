import type { Pod } from '../kube/kinds.ts'
import { CONTAINER_NAME, PROGRESS_DEADLINE_SECONDS } from './desired/deployment.ts'

/** Why a pod does not run, as Kubernetes sees it: what the sink itself cannot tell, because it does not run. */
export interface PodProblem {
  /** CamelCase, Kubernetes' own word. */
  readonly reason: string
  readonly message: string
}

type PodStatus = NonNullable<Pod['status']>
type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number]

/** A waiting container that is on its way. */
const NORMAL_WAITING = new Set(['ContainerCreating', 'PodInitializing'])
/** A waiting container that was begun, or is about to be: the kubelet goes to and fro between these while its program cannot be run. */
const BETWEEN_CRASHES = new Set([...NORMAL_WAITING, 'RunContainerError', 'CrashLoopBackOff'])
/** The kubelet goes to and fro between the last and one of the others while an image cannot be pulled (pkg/kubelet/images/image_manager.go). */
const PULL_FAILURES = new Set(['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed', 'ImagePullBackOff'])
/** Of a crashed sink's last words, the end says why; more does not fit in a line. */
const MAX_LAST_WORDS = 300

/** The kubelet begins at the shortest back-off again with a container that has run for so long: what crashed before is history. */
const CRASHES_FORGOTTEN_MS = 600_000

/** The problem of a pod, or undefined when there is none that Kubernetes knows of. */
export function problemOf(pod: Pod, nowMs: number): PodProblem | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const sink = containerStatuses.find(({ name }) => name === CONTAINER_NAME)
  // A mesh, or an agent for Secrets, may have put containers into the pod that the sink is begun after.
  const waitsForOthers = sink?.state?.waiting?.reason === 'PodInitializing'
  const containers = [sink, ...(waitsForOthers ? initContainerStatuses : [])]
  const [problem] = containers.flatMap((container) => containerProblem(container, nowMs) ?? [])
  return schedulingProblem(pod.status) ?? problem ?? startProblem(pod, nowMs)
}

/** When a pod that has a node and has not begun should have, in milliseconds since the epoch; undefined for all others. */
export function startsByMsOf({ status }: Pod): number | undefined {
  if (status?.phase !== 'Pending' || status.startTime === undefined) return undefined
  return Date.parse(status.startTime) + PROGRESS_DEADLINE_SECONDS * 1000
}

/** The Deployment's own deadline runs in rollouts alone: not after a node was drained, nor for a pod that is one more, or the first after a pause. */
function startProblem(pod: Pod, nowMs: number): PodProblem | undefined {
  if ((startsByMsOf(pod) ?? Infinity) > nowMs) return undefined
  const message = `has a node for ${PROGRESS_DEADLINE_SECONDS / 60} minutes and has not begun: kubectl describe pod shows what it waits for`
  return { reason: 'ProgressDeadlineExceeded', message }
}

function schedulingProblem(status: PodStatus | undefined): PodProblem | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined
  return { reason: 'Unschedulable', message: `no node for the pod: ${scheduled.message ?? 'no reason given'}` }
}

function containerProblem(container: ContainerStatus | undefined, nowMs: number): PodProblem | undefined {
  const waiting = container?.state?.waiting
  if (container && isCrashLooping(container, nowMs)) return crashProblem(container)
  if (!waiting?.reason || NORMAL_WAITING.has(waiting.reason)) return undefined
  if (container && PULL_FAILURES.has(waiting.reason)) return pullProblem(container.image, waiting.message)
  return { reason: waiting.reason, message: oneLine(waiting.message ?? waiting.reason) }
}

/** The same words in both states, so that a status does not go to and fro as well: the cause without what stands before it. */
function pullProblem(image: string, message = ''): PodProblem {
  const cause = oneLine(message.replace(/^Back-off pulling image "[^"]*"(: \w+: )?/, ''))
  return { reason: 'ImagePullBackOff', message: `image ${image} cannot be pulled${cause ? `: ${cause}` : ''}` }
}

/**
 * One crash is restarted at once and is no problem of its own; from the second on the kubelet waits between starts. The
 * start after a wait is still part of the loop, until the sink has shown that it is ready. `restartCount` counts for as long as the pod lives.
 * Want of memory comes back, however long it takes, and no Event of the pod tells of it: so it is told from the first time on.
 */
function isCrashLooping({ state, lastState, restartCount, ready }: ContainerStatus, nowMs: number): boolean {
  const waitsFor = state?.waiting?.reason
  if (waitsFor === 'CrashLoopBackOff') return true
  // What keeps it from being begun again is the news, whatever ended it before.
  if (waitsFor && !BETWEEN_CRASHES.has(waitsFor)) return false
  const ended = state?.terminated ?? lastState?.terminated
  const lacksMemory = ended?.reason === 'OOMKilled'
  if (ended === undefined || ready || (restartCount < 2 && !lacksMemory)) return false
  const ranForMs = Date.parse(ended.finishedAt ?? '') - Date.parse(ended.startedAt ?? '')
  const runsForMs = nowMs - Date.parse(state?.running?.startedAt ?? '')
  return !((ranForMs >= CRASHES_FORGOTTEN_MS && !lacksMemory) || runsForMs >= CRASHES_FORGOTTEN_MS)
}

function crashProblem({ name, state, lastState }: ContainerStatus): PodProblem {
  const ended = state?.terminated ?? lastState?.terminated
  const isSink = name === CONTAINER_NAME
  const who = isSink ? 'the sink' : `init container ${name}`
  if (ended?.reason === 'OOMKilled') {
    const cure = isSink ? ': raise spec.resources.limits.memory' : ''
    return { reason: 'OOMKilled', message: `${who} needs more memory than its limit allows${cure}` }
  }
  return { reason: 'CrashLoopBackOff', message: `${who} ends with ${endOf(ended)}` }
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

/** How a container ended, and what it said last. */
export function endOf(ended: Terminated | undefined): string {
  const how = ended?.signal ? `signal ${ended.signal}` : `exit code ${ended?.exitCode}`
  const words = lastWords(ended?.message)
  return words ? `${how}: ${words}` : how
}

/** What a container that ended said last, in one line; undefined where it said nothing. */
export function lastWordsOf({ status }: Pod, container: string): string | undefined {
  const ended = status?.containerStatuses?.find(({ name }) => name === container)?.state?.terminated
  return lastWords(ended?.message) || undefined
}

/** How Node begins to tell of an error that nobody caught; behind that is where it came from, and its own version. */
const UNCAUGHT = /^(FATAL ERROR|([A-Z]\w*)?(Error|Rejection)( \[\w+\])?): /

/** The end of a termination message. Our own log lines are JSON: of the last one the words, not the syntax. */
function lastWords(message: string | undefined): string {
  const lines = (message ?? '').split('\n').filter((line) => line.trim() !== '')
  const last = lines.at(-1) ?? ''
  try {
    const entry = JSON.parse(last) as { msg?: unknown; error?: unknown }
    return oneLine([entry.msg, entry.error].filter((part) => typeof part === 'string').join(': '))
  } catch {
    return oneLine(lines.findLast((line) => UNCAUGHT.test(line)) ?? last)
  }
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= MAX_LAST_WORDS ? line : `…${line.slice(-MAX_LAST_WORDS)}`
}
