import { createHash } from 'node:crypto'
import type { CronJob, Job } from '../../kube/kinds.ts'
import { groupLabels, type Owner, objectMeta } from './metadata.ts'
import {
  type Container,
  containerBase,
  fileArgs,
  kafkaVolumes,
  type PodInput,
  podMeta,
  podSpec,
  revisionVolume,
} from './pod.ts'

/** Name of the container, which tells its pods from sinks. */
export const GROUP_CONTAINER_NAME = 'group'

/** How long a pod tries, and how many pods there are: pods that cannot be scheduled end with the Job. */
const TIMEOUT_SECONDS = 60
const RETRIES = 2
const DEADLINE_SECONDS = 300
/** Of a CronJob's name: its Jobs' names, which end with 11 more, must be labels. Source: Kubernetes, "CronJob". */
const MAX_CRON_JOB_NAME = 52
/** A run that was missed, as the controller was down, is made up for within this. */
const STARTING_DEADLINE_SECONDS = 12 * 3600

/**
 * Has the offsets of a connector without pods committed again once a day, at a minute of its own, so that Kafka does not forget them
 * after `offsets.retention.minutes` (7 days by default). A CronJob and not the operator's own timer: it goes on while the
 * operator is away, tells when it last succeeded, and is one object of which the operator writes nothing while it works.
 */
export function desiredKeepOffsets(input: PodInput): CronJob {
  const { owner } = input
  return {
    metadata: { ...objectMeta(owner, keepOffsetsName(owner.name)), labels: groupLabels(owner.name) },
    spec: {
      schedule: dailyAt(owner),
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: STARTING_DEADLINE_SECONDS,
      // The time of the last success stays in the CronJob's status; a failed pod's last words are in the connector's.
      successfulJobsHistoryLimit: 0,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: groupLabels(owner.name) }, spec: jobSpec(input, 'keep-offsets') },
    },
  }
}

/** Deletes the connector's consumer group, once. */
export function desiredDeleteGroup(input: PodInput): Job {
  const { owner } = input
  return {
    metadata: { ...objectMeta(owner, deleteGroupName(owner.name)), labels: groupLabels(owner.name) },
    spec: jobSpec(input, 'delete'),
  }
}

/** At most 63 characters, as a connector's name has at most 50. */
export function deleteGroupName(connectorName: string): string {
  return `${connectorName}-delete-group`
}

/** Long names are cut and made unique by a hash. */
export function keepOffsetsName(connectorName: string): string {
  const [suffix, name] = ['-keep-offsets', `${connectorName}-keep-offsets`]
  if (name.length <= MAX_CRON_JOB_NAME) return name
  const hash = createHash('sha256').update(connectorName).digest('hex').slice(0, 8)
  return `${connectorName.slice(0, MAX_CRON_JOB_NAME - suffix.length - hash.length - 1)}-${hash}${suffix}`
}

/** A minute of the day that depends on the connector alone, so that ten thousand are not renewed at once. */
function dailyAt({ uid }: Owner): string {
  const minute = createHash('sha256').update(uid).digest().readUInt32BE() % (24 * 60)
  return `${minute % 60} ${Math.floor(minute / 60)} * * *`
}

function jobSpec(input: PodInput, task: 'keep-offsets' | 'delete'): NonNullable<Job['spec']> {
  const volumes = [revisionVolume(input, [input.revision]), ...kafkaVolumes(input)]
  return {
    backoffLimit: RETRIES,
    activeDeadlineSeconds: DEADLINE_SECONDS,
    template: {
      metadata: podMeta(input, groupLabels(input.owner.name)),
      // Never: a pod that failed stays, and with it what it said.
      spec: { ...podSpec(input, groupContainer(input, task), volumes), restartPolicy: 'Never' },
    },
  }
}

function groupContainer(input: PodInput, task: 'keep-offsets' | 'delete'): Container {
  return {
    ...containerBase(input),
    name: GROUP_CONTAINER_NAME,
    args: ['group', task, '--revision', input.revision, ...fileArgs(input), '--timeout', `${TIMEOUT_SECONDS}s`],
  }
}
