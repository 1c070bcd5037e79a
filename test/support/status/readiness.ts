import { CONNECTOR_LABEL, REVISION_ANNOTATION } from '../../../src/contract/names.ts'
import type { AnalyticsConnector, Deployment, Pod } from '../../../src/kube/kinds.ts'
import { TEMPLATE_ANNOTATION } from '../../../src/operator/desired/metadata.ts'

/** One state that an object had; `object` undefined: it was deleted at this resource version. */
export interface Version<T> {
  readonly resourceVersion: number
  readonly key: string
  readonly object: T | undefined
  /** Found by listing: states before it may not have been seen. */
  readonly isListed?: boolean
}

/** Every state of the connectors of a test and of what was made for them. etcd numbers the writes of all kinds in one sequence. */
export interface History {
  readonly connectors: readonly Version<AnalyticsConnector>[]
  readonly deployments: readonly Version<Deployment>[]
  readonly pods: readonly Version<Pod>[]
}

/**
 * Checks each moment at which a connector became Ready for a generation: between the write that made the generation and
 * the write of Ready there must be a moment at which it really was so. The operator looks at copies that are some milliseconds
 * old, so it need not be the very last moment.
 */
export function readinessViolations(history: History): string[] {
  return [...byKey(history.connectors)].flatMap(([key, versions]) => {
    const since = new Map<number, number>()
    return versions.flatMap(({ object, resourceVersion }, i) => {
      const generation = object?.metadata.generation ?? 0
      if (!object) since.clear()
      else if (!since.has(generation)) since.set(generation, resourceVersion)
      const readyFor = readyGeneration(object)
      if (!object || readyFor === undefined || readyFor === readyGeneration(versions[i - 1]?.object)) return []
      const from = since.get(readyFor) ?? 0
      const moments = momentsBetween(history, from, resourceVersion)
      const reasons = moments.map((moment) => whyNot(history, key, object, moment))
      if (reasons.includes(undefined)) return []
      return [`${key} was Ready for generation ${readyFor} at ${resourceVersion} although ${reasons.at(-1)}`]
    })
  })
}

function readyGeneration(connector: AnalyticsConnector | undefined): number | undefined {
  const ready = connector?.status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? ready.observedGeneration : undefined
}

function momentsBetween({ deployments, pods }: History, from: number, to: number): number[] {
  const changes = [...deployments, ...pods].map(({ resourceVersion }) => resourceVersion)
  return [...new Set([from, ...changes.filter((each) => each > from && each <= to)])].sort((a, b) => a - b)
}

/** Why the cluster was not as the connector's spec wants it at a moment; undefined when it was. */
function whyNot(history: History, key: string, connector: AnalyticsConnector, moment: number): string | undefined {
  const deployment = at(history.deployments, moment).get(`${key}-sink`)
  const pods = [...at(history.pods, moment).values()].filter(
    ({ metadata }) => `${metadata?.namespace}/${metadata?.labels?.[CONNECTOR_LABEL]}` === key,
  )
  const wanted = (connector.spec.active ?? true) ? (connector.spec.replicas ?? 1) : 0
  // No more pods than there are partitions for them.
  const replicas = Math.min(wanted, Math.max(1, connector.status?.topicPartitions ?? wanted))
  if (!deployment) return 'there was no Deployment'
  if (deployment.spec?.replicas !== replicas) return `the Deployment had ${deployment.spec?.replicas} replicas`
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
    replicas: all = 0,
  } = deployment.status ?? {}
  if (observedGeneration < (deployment.metadata?.generation ?? 0)) return 'the Deployment was not observed'
  if (replicas === 0) return pods.length === 0 ? undefined : `${pods.length} pods were there`
  if (all !== replicas || updatedReplicas !== replicas || availableReplicas !== replicas)
    return `of ${all} pods ${updatedReplicas} were new and ${availableReplicas} available`
  return whyPodsDoNot(pods, deployment, connector, replicas)
}

function whyPodsDoNot(pods: readonly Pod[], deployment: Deployment, connector: AnalyticsConnector, replicas: number) {
  const template = deployment.spec?.template.metadata?.annotations ?? {}
  if (template[REVISION_ANNOTATION] !== connector.status?.revision) return 'the Deployment had another revision'
  const alive = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
  const isNew = ({ metadata }: Pod) => metadata?.annotations?.[TEMPLATE_ANNOTATION] === template[TEMPLATE_ANNOTATION]
  if (!alive.every(isNew)) return 'a pod of another template was there'
  const ready = alive.filter(({ status }) => status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
  return ready.length === replicas && alive.length === replicas
    ? undefined
    : `${ready.length} of ${alive.length} pods were ready`
}

/** The objects that existed at a moment, in the state that they had. */
function at<T>(versions: readonly Version<T>[], moment: number): Map<string, T> {
  const objects = new Map<string, T>()
  for (const { key, object, resourceVersion } of versions) {
    if (resourceVersion > moment) continue
    if (object) objects.set(key, object)
    else objects.delete(key)
  }
  return objects
}

function byKey<T>(versions: readonly Version<T>[]): Map<string, Version<T>[]> {
  const keys = new Map<string, Version<T>[]>()
  for (const version of versions) keys.set(version.key, [...(keys.get(version.key) ?? []), version])
  return keys
}
