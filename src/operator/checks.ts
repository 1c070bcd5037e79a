import { DEFAULTS } from '../contract/defaults.ts'
import { kafkaAccessOf, kafkaSecretsOf, type MountedSecret } from '../contract/kafka-access.ts'
import { REVISION_ANNOTATION } from '../contract/names.ts'
import { type OperatorDefaults, resolveSinkConfig, SpecError } from '../contract/resolve.ts'
import { revisionOf, type SinkConfig } from '../contract/sink-config.ts'
import { type ConfigMap, type Deployment, type KubeObject, keyOf } from '../kube/kinds.ts'
import { type ExistingRevision, revisionsToMount } from './desired/mounted-revisions.ts'
import { type Observed, ownershipOf } from './observe.ts'
import { Stalled, Waiting } from './outcome-errors.ts'

/** What is to run. */
export interface Plan {
  /** spec.active, with its default. */
  readonly active: boolean
  /** Pods that are to run now: no more than there are partitions, and of a new connector one until they are counted. */
  readonly replicas: number
  /** Pods that the spec asks for, whether it is active or not. */
  readonly wantedReplicas: number
  /** Partitions of the connector's topics; undefined while unknown. */
  readonly topicPartitions: number | undefined
  readonly config: SinkConfig
  readonly kafkaSecrets: readonly MountedSecret[]
  readonly revision: string
  readonly mountedRevisions: readonly string[]
}

/** How long a predecessor's objects take to go is the garbage collector's business: seconds, usually less. */
const PREDECESSOR_RETRY_MS = 1_000

/**
 * Decides what is to run.
 *
 * @throws {Stalled} when the spec cannot become a configuration
 */
export function planOf(observed: Observed, defaults: OperatorDefaults): Plan {
  const { owner, spec } = observed
  const config = resolved(() => resolveSinkConfig({ namespace: owner.namespace, name: owner.name, spec }, defaults))
  const revision = revisionOf(config)
  const existing = existingRevisions(observed)
  const active = spec.active ?? DEFAULTS.active
  const wantedReplicas = spec.replicas ?? DEFAULTS.replicas
  const topicPartitions = topicPartitionsOf(observed)
  return {
    active,
    replicas:
      active && observed.deletedAtMs === undefined ? usefulReplicas(wantedReplicas, topicPartitions, observed) : 0,
    wantedReplicas,
    topicPartitions,
    config,
    kafkaSecrets: kafkaSecretsOf(kafkaAccessOf(spec.kafka, defaults.kafka)),
    revision,
    mountedRevisions: revisionsToMount(revision, existing, mountedBy(observed.deployment), observed.status?.revision),
  }
}

/**
 * A member without a partition does nothing but wait; one is always started, as only sinks know how many partitions there are, and
 * tell when there are more. What runs without a count stays: its sinks are of a version that does not tell.
 */
function usefulReplicas(wanted: number, topicPartitions: number | undefined, { deployment, pods }: Observed): number {
  if (topicPartitions !== undefined) return Math.min(wanted, Math.max(1, topicPartitions))
  const isToldOfNone = pods.some(({ report }) => report?.kind === 'status' && report.status.state === 'ACTIVE')
  return isToldOfNone ? wanted : Math.min(wanted, Math.max(1, deployment?.spec?.replicas ?? 0))
}

/**
 * As the sinks of the newest generation count them, else as they were last counted for this filter. While an edit is rolled out
 * sinks of several revisions may see other topics: the larger number counts, so that no sink is missing.
 */
function topicPartitionsOf({ pods, status }: Observed): number | undefined {
  const counted = pods.flatMap(({ report }) =>
    report?.kind === 'status' && report.status.state === 'ACTIVE' ? (report.status.topicPartitions ?? []) : [],
  )
  return counted.length > 0 ? Math.max(...counted) : status?.topicPartitions
}

function resolved(resolve: () => SinkConfig): SinkConfig {
  try {
    return resolve()
  } catch (error) {
    if (error instanceof SpecError) throw new Stalled('InvalidConfiguration', error.message)
    throw error
  }
}

/**
 * Refuses to touch what was not made for this connector.
 *
 * @throws {Stalled} NameConflict, for an object of somebody else
 * @throws {Waiting} for one of an earlier connector of this name, which is on its way out
 */
export function checkOwnership(kind: string, object: KubeObject, observed: Pick<Observed, 'owner'>): void {
  const ownership = ownershipOf(object, observed.owner)
  const name = `${kind} ${keyOf(object)}`
  if (ownership === 'predecessor') {
    throw new Waiting(PREDECESSOR_RETRY_MS, `${name} of an earlier connector of this name is still being deleted`)
  }
  if (ownership === 'foreign') {
    throw new Stalled(
      'NameConflict',
      `${name} exists and was not made for this connector: delete or rename it, or give the connector another name`,
    )
  }
}

/** Revisions that exist for this very connector. */
export function existingRevisions({ configMaps, owner }: Observed): (ExistingRevision & { configMap: ConfigMap })[] {
  return configMaps.flatMap((configMap) => {
    const revision = configMap.metadata?.annotations?.[REVISION_ANNOTATION]
    if (revision === undefined || ownershipOf(configMap, owner) !== 'ours') return []
    return [{ revision, createdAt: configMap.metadata?.creationTimestamp ?? '', configMap }]
  })
}

/** What a Deployment mounts: its revision, and the list that the pods can read. */
function mountedBy(deployment: Deployment | undefined): { revision: string; list: string[] } | undefined {
  const template = deployment?.spec?.template
  const revision = template?.metadata?.annotations?.[REVISION_ANNOTATION]
  if (revision === undefined) return undefined
  const sources = template?.spec?.volumes?.find(({ name }) => name === 'revisions')?.projected?.sources ?? []
  const list = sources.flatMap(
    ({ configMap }) => configMap?.items?.map(({ path }) => path.replace(/\.json$/, '')) ?? [],
  )
  return { revision, list }
}
