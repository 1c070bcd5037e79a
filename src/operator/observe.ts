import { RESTART_ANNOTATION, REVISION_ANNOTATION } from '../contract/names.ts'
import type { AnalyticsConnectorSpec, AnalyticsConnectorStatus } from '../contract/resource.ts'
import {
  type AnalyticsConnector,
  type ConfigMap,
  type CronJob,
  DEPLOYMENTS,
  type Deployment,
  type Job,
  type KubeObject,
  type Pod,
  type PodDisruptionBudget,
  type ServiceAccount,
} from '../kube/kinds.ts'
import type { Clock } from '../lib/clock.ts'
import type { Applier } from './apply.ts'
import type { Conflict, Conflicts } from './conflicts.ts'
import { deleteGroupName, keepOffsetsName } from './desired/group-task.ts'
import {
  GROUP_COMPONENT,
  type Owner,
  REFERENCES_ANNOTATION,
  sinkName,
  TEMPLATE_ANNOTATION,
} from './desired/metadata.ts'
import type { Endings } from './endings.ts'
import { hasFinalizer } from './finalize.ts'
import { type JobState, jobState, type Keeping, keepingOf } from './group-tasks.ts'
import type { OwnWrites } from './own-writes.ts'
import type { PodReport } from './pod-poller.ts'
import { type PodProblem, problemOf, startsByMsOf } from './pod-problem.ts'
import type { References } from './references.ts'

/** Where objects of one kind are looked up; a `Cache`. */
interface Lookup<T> {
  get(key: string): T | undefined
}

/** Where those of a connector are; an `IndexedCache`. */
export interface IndexedLookup<T> extends Lookup<T> {
  ofConnector(connectorKey: string): T[]
}

/** The operator's copies of the cluster's state. */
export interface Caches {
  readonly connectors: Lookup<AnalyticsConnector & KubeObject>
  readonly deployments: Lookup<Deployment>
  readonly configMaps: IndexedLookup<ConfigMap>
  readonly serviceAccounts: Lookup<ServiceAccount>
  readonly podDisruptionBudgets: Lookup<PodDisruptionBudget>
  readonly pods: IndexedLookup<Pod>
  readonly jobs: IndexedLookup<Job>
  readonly cronJobs: Lookup<CronJob>
}

export interface ObservedPod {
  readonly name: string
  /** Revision that the pod was made with. */
  readonly revision: string | undefined
  /** Pod template that it was made from. */
  readonly template: string | undefined
  /** Set while the pod ends: when its grace period is over, in milliseconds since the epoch. */
  readonly endsAtMs: number | undefined
  /** Set until the pod has begun, from when it has a node: when it should have, in milliseconds since the epoch. */
  readonly startsByMs: number | undefined
  readonly problem: PodProblem | undefined
  /** What the pod says; undefined while it has no address or does not run. */
  readonly report: PodReport | undefined
}

/** Everything that is known about one connector at one moment. */
export interface Observed {
  readonly key: string
  readonly owner: Owner
  readonly generation: number
  readonly resourceVersion: string
  readonly finalizers: readonly string[]
  /** When its deletion was asked for, milliseconds since the epoch; undefined for a connector that is to stay. */
  readonly deletedAtMs: number | undefined
  readonly spec: AnalyticsConnectorSpec
  readonly status: AnalyticsConnectorStatus | undefined
  /** What the pods are to be restarted for: the annotation, and after its removal the value that it had. */
  readonly restartRequestedAt: string | undefined
  readonly deployment: Deployment | undefined
  /** State of what the spec refers to; while that is not known, the one that the pods were made with. Empty: nothing. */
  readonly references: string
  readonly serviceAccount: ServiceAccount | undefined
  readonly podDisruptionBudget: PodDisruptionBudget | undefined
  readonly configMaps: readonly ConfigMap[]
  /** The sinks. */
  readonly pods: readonly ObservedPod[]
  /** What has the offsets renewed while there are no pods, and how that goes. */
  readonly keepOffsets: CronJob | undefined
  readonly keeping: Keeping
  /** How far the Job is that deletes the consumer group; undefined while there is none. */
  readonly deleteGroup: JobState | undefined
  /** For how long no pod has delivered, as the status tells; 0 while one does. Milliseconds. */
  readonly idleMs: number
  /** What another connector has too; undefined for nothing. */
  readonly conflict: Conflict | undefined
  /** How the sinks ended since one delivered last, in words; undefined where that is not known. */
  readonly ending: string | undefined
}

/** Where everything that is known comes from. */
export interface Sources {
  readonly caches: Caches
  readonly reportOf: (podUid: string) => PodReport | undefined
  readonly ownWrites: OwnWrites
  readonly applier: Pick<Applier, 'newest'>
  readonly references: Pick<References, 'versionOf' | 'isPending' | 'forget'>
  readonly conflicts: Pick<Conflicts, 'of'>
  readonly endings: Pick<Endings, 'of' | 'forget'>
  readonly clock: Pick<Clock, 'now'>
}

/** Gathers what the sources know; undefined when there is no such connector, or nothing is left to do for it. */
export function observe(
  key: string,
  { caches, reportOf, ownWrites, applier, references, conflicts, endings, clock }: Sources,
): Observed | undefined {
  const connector = ownWrites.newest(key, caches.connectors.get(key))
  const { namespace, name, uid, generation = 0, resourceVersion = '', deletionTimestamp } = connector?.metadata ?? {}
  if (!connector || !namespace || !name || !uid) return undefined
  const finalizers = connector.metadata.finalizers ?? []
  if (deletionTimestamp && !hasFinalizer({ finalizers })) return undefined
  const sinkKey = `${namespace}/${sinkName(name)}`
  const deployment = applier.newest(key, DEPLOYMENTS, caches.deployments.get(sinkKey))
  const keepOffsets = caches.cronJobs.get(`${namespace}/${keepOffsetsName(name)}`)
  const owner = { namespace, name, uid }
  const deletion = caches.jobs.get(`${namespace}/${deleteGroupName(name)}`)
  const pods = caches.pods.ofConnector(key)
  const nowMs = clock.now()
  const isSink = ({ metadata }: Pod) => metadata?.labels?.['app.kubernetes.io/component'] !== GROUP_COMPONENT
  const sinks = pods
    .filter((pod) => isSink(pod) && isAlive(pod))
    .map((pod) => observePod(pod, reportOf, nowMs))
    // Of several pods with a problem the status names the first: the same one after a restart of the operator.
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    key,
    owner,
    generation,
    resourceVersion,
    finalizers,
    deletedAtMs: deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp),
    spec: connector.spec,
    status: connector.status,
    restartRequestedAt: connector.metadata.annotations?.[RESTART_ANNOTATION] ?? connector.status?.restartRequestedAt,
    deployment,
    references: references.versionOf(key, namespace, connector.spec) ?? referencesIn(deployment),
    serviceAccount: caches.serviceAccounts.get(sinkKey),
    podDisruptionBudget: caches.podDisruptionBudgets.get(sinkKey),
    configMaps: caches.configMaps.ofConnector(key),
    pods: sinks,
    keepOffsets,
    keeping: keepingOf(keepOffsets, caches.jobs.ofConnector(key), pods),
    // One of an earlier connector of this name says nothing of this one's group.
    deleteGroup: deletion && ownershipOf(deletion, owner) === 'ours' ? jobState(deletion, pods) : undefined,
    idleMs: mayDeliver(sinks, keepOffsets) ? 0 : idleMsOf(connector.status, nowMs),
    conflict: conflicts.of(key),
    ending: endings.of(key),
  }
}

/**
 * The status may say FAILED of a newer revision while the one before delivers, and keeps the offsets. Pods that were not asked yet change nothing:
 * neither is a renewal begun for them nor one ended, whose last time would be forgotten with it.
 */
function mayDeliver(pods: readonly ObservedPod[], keepOffsets: CronJob | undefined): boolean {
  return pods.some(
    (pod) =>
      delivers(pod) || (pod.report?.kind === 'pending' && pod.endsAtMs === undefined && keepOffsets === undefined),
  )
}

/** Whether a pod says that it delivers, with `revision` if one is given. */
export function delivers({ report, endsAtMs }: ObservedPod, revision?: string): boolean {
  if (report?.kind !== 'status' || endsAtMs !== undefined || report.status.state !== 'ACTIVE') return false
  return revision === undefined || report.status.revision === revision
}

function idleMsOf(status: AnalyticsConnectorStatus | undefined, nowMs: number): number {
  const active = status?.conditions?.find(({ type }) => type === 'Active')
  return active?.status === 'False' ? nowMs - Date.parse(active.lastTransitionTime) : 0
}

function referencesIn(deployment: Deployment | undefined): string {
  return deployment?.spec?.template.metadata?.annotations?.[REFERENCES_ANNOTATION] ?? ''
}

/** A pod that ended for good (evicted, for example) stays as an object; its Deployment has made another. */
function isAlive({ status, metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined || (status?.phase !== 'Failed' && status?.phase !== 'Succeeded')
}

function observePod(pod: Pod, reportOf: Sources['reportOf'], nowMs: number): ObservedPod {
  const { name = '', uid = '', annotations, deletionTimestamp } = pod.metadata ?? {}
  return {
    name,
    revision: annotations?.[REVISION_ANNOTATION],
    template: annotations?.[TEMPLATE_ANNOTATION],
    // The server sets deletionTimestamp to the end of the grace period.
    endsAtMs: deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp),
    startsByMs: startsByMsOf(pod),
    problem: problemOf(pod, nowMs),
    report: reportOf(uid),
  }
}

/** Whether the owner of `object` is the connector, another object, or an earlier connector of the same name. */
export function ownershipOf(object: KubeObject, owner: Owner): 'ours' | 'predecessor' | 'foreign' {
  const references = object.metadata?.ownerReferences ?? []
  if (references.some(({ uid }) => uid === owner.uid)) return 'ours'
  return references.some(({ kind, name }) => kind === 'AnalyticsConnector' && name === owner.name)
    ? 'predecessor'
    : 'foreign'
}
