import {
  CONFIG_MAPS,
  type ConfigMap,
  CRON_JOBS,
  DEPLOYMENTS,
  type Deployment,
  type Job,
  type Kind,
  type KubeObject,
  POD_DISRUPTION_BUDGETS,
  SERVICE_ACCOUNTS,
} from '../../kube/kinds.ts'
import type { Plan } from '../checks.ts'
import type { Observed } from '../observe.ts'
import { needsKeeping } from '../offsets-kept.ts'
import { desiredConfigMap, revisionConfigMapName } from './config-map.ts'
import { desiredDeployment } from './deployment.ts'
import { desiredDeleteGroup, desiredKeepOffsets } from './group-task.ts'
import { sinkName } from './metadata.ts'
import type { PodInput } from './pod.ts'
import { desiredPodDisruptionBudget } from './pod-disruption-budget.ts'
import { desiredServiceAccount } from './service-account.ts'

interface Resources {
  readonly requests?: Quantities
  readonly limits?: Quantities
}
type Quantities = Record<string, string | number> | undefined

/** What the operator's configuration says about every sink. */
export interface SinkDefaults {
  readonly image: string
  readonly drainSeconds: number
  readonly resources: Resources
}

/** An object as it should be, and as it is. */
export interface Desired<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>
  readonly object: T
  readonly live: T | undefined
}

export interface DesiredObjects {
  /** In the order in which they are needed: a pod waits for its ConfigMap and its service account. */
  readonly before: readonly Desired[]
  readonly deployment: Desired<Deployment>
  /** What the pods do without, so that a refusal of it neither starts nor stops any. */
  readonly after: readonly Desired[]
  /** What is no longer wanted. */
  readonly obsolete: readonly Desired[]
  /** The same as soon as no pod of an earlier template is left, nor made again. */
  readonly ofOldPods: readonly Desired[]
}

/** Everything that should exist for a connector. */
export function desiredObjects(observed: Observed, plan: Plan, defaults: SinkDefaults): DesiredObjects {
  const { owner, spec } = observed
  const pod = podInput(observed, plan, defaults)
  const configMapName = revisionConfigMapName(owner.name, plan.revision)
  const configMap: Desired<ConfigMap> = {
    kind: CONFIG_MAPS,
    object: desiredConfigMap(owner, plan.revision, plan.config),
    live: observed.configMaps.find(({ metadata }) => metadata?.name === configMapName),
  }
  const serviceAccount = {
    kind: SERVICE_ACCOUNTS,
    object: desiredServiceAccount(owner),
    live: observed.serviceAccount,
  }
  const budget = {
    kind: POD_DISRUPTION_BUDGETS,
    object: desiredPodDisruptionBudget(owner),
    live: observed.podDisruptionBudget,
  }
  const keepOffsets = { kind: CRON_JOBS, object: desiredKeepOffsets(pod), live: observed.keepOffsets }
  const deployment = desiredDeployment({
    ...pod,
    replicas: plan.replicas,
    mountedRevisions: plan.mountedRevisions,
    drainSeconds: defaults.drainSeconds,
    restartRequestedAt: observed.restartRequestedAt,
    references: observed.references,
  })
  const needsAccount = spec.serviceAccountName === undefined
  const needsBudget = plan.replicas > 1
  // A group that is to be deleted with its connector must not be joined any more.
  const needsKeeper = needsKeeping(plan.replicas, observed.idleMs) && observed.deletedAtMs === undefined
  return {
    before: [configMap, ...(needsAccount ? [serviceAccount] : [])],
    deployment: { kind: DEPLOYMENTS, object: deployment, live: observed.deployment },
    after: [...(needsBudget ? [budget] : []), ...(needsKeeper ? [keepOffsets] : [])],
    obsolete: [...(needsBudget ? [] : [budget]), ...(needsKeeper ? [] : [keepOffsets])],
    // The spec may name the very one that was made before, such as for a cloud role: the pods go on using it.
    ofOldPods: needsAccount || spec.serviceAccountName === sinkName(owner.name) ? [] : [serviceAccount],
  }
}

/** What deletes the connector's consumer group. */
export function deleteGroupOf(observed: Observed, plan: Plan, defaults: SinkDefaults): Job {
  return desiredDeleteGroup(podInput(observed, plan, defaults))
}

function podInput({ owner, spec }: Observed, { revision, kafkaSecrets }: Plan, defaults: SinkDefaults): PodInput {
  const resources = resourcesOf(spec.resources ?? defaults.resources)
  return { owner, spec, image: defaults.image, revision, kafkaSecrets, resources }
}

/** Quantities may be written as numbers; in the objects that we make they are strings. */
function resourcesOf({ requests, limits }: Resources): {
  requests?: Record<string, string>
  limits?: Record<string, string>
} {
  return {
    ...(requests ? { requests: asStrings(requests) } : {}),
    ...(limits ? { limits: asStrings(limits) } : {}),
  }
}

function asStrings(quantities: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, String(value)]))
}
