import type { CronJob, Job, Pod } from '../kube/kinds.ts'
import { GROUP_CONTAINER_NAME } from './desired/group-task.ts'
import { lastWordsOf } from './pod-problem.ts'

/** How a Job that looks after the consumer group went. */
export type JobState =
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded' }
  /** `why` in one line: its last pod's words, else the Job controller's. */
  | { readonly kind: 'failed'; readonly why: string }

/** Label that the Job controller puts on the pods of a Job. */
const JOB_NAME_LABEL = 'batch.kubernetes.io/job-name'

export function jobState({ metadata, status }: Job, pods: readonly Pod[]): JobState {
  const condition = (type: string) => status?.conditions?.find((each) => each.type === type && each.status === 'True')
  if (condition('Complete')) return { kind: 'succeeded' }
  const failure = condition('Failed')
  if (!failure) return { kind: 'running' }
  const words = pods
    .filter((pod) => pod.metadata?.labels?.[JOB_NAME_LABEL] === metadata?.name)
    .flatMap((pod) => lastWordsOf(pod, GROUP_CONTAINER_NAME) ?? [])
  return { kind: 'failed', why: words.at(-1) ?? failure.message ?? failure.reason ?? 'the Job failed' }
}

/** How it stands with the offsets of a connector without pods. */
export interface Keeping {
  /** When its renewal was set up, milliseconds since the epoch; undefined before. */
  readonly sinceMs: number | undefined
  /** RFC 3339. */
  readonly renewedAt: string | undefined
  /** Why the newest renewal that ended failed; undefined unless it did. */
  readonly failure: string | undefined
}

/** What CronJob, Jobs and pods tell of it. */
export function keepingOf(cronJob: CronJob | undefined, jobs: readonly Job[], pods: readonly Pod[]): Keeping {
  const createdAt = cronJob?.metadata?.creationTimestamp
  const renewedAt = cronJob?.status?.lastSuccessfulTime
  // One that is under way has renewed nothing yet: what is known of the one before it stays so.
  const newest = jobs
    .filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === cronJob?.metadata?.uid))
    .map((job) => ({ createdAt: job.metadata?.creationTimestamp ?? '', state: jobState(job, pods) }))
    .filter(({ state }) => state.kind !== 'running')
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))
    .at(-1)
  // Jobs that succeeded are removed, so one from before the last success may be the newest that is left.
  const isNews = newest !== undefined && newest.createdAt > (renewedAt ?? '')
  return {
    sinceMs: createdAt === undefined ? undefined : Date.parse(createdAt),
    renewedAt,
    failure: isNews && newest.state.kind === 'failed' ? newest.state.why : undefined,
  }
}
