import {
  CONFIG_MAPS,
  type ConfigMap,
  DEPLOYMENTS,
  type Deployment,
  type Kind,
  type KubeObject,
  POD_DISRUPTION_BUDGETS,
  SERVICE_ACCOUNTS,
} from '../../kube/kinds.ts'
import type { Plan } from '../checks.ts'
import type { Observed } from '../observe.ts'
import { desiredConfigMap, revisionConfigMapName } from './config-map.ts'
import { desiredDeployment } from './deployment.ts'
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
  /** What is no longer wanted. */
  readonly obsolete: readonly Desired[]
}

/** Everything that should exist for a connector. */
export function desiredObjects(observed: Observed, plan: Plan, defaults: SinkDefaults): DesiredObjects {
  const { owner, spec } = observed
  const replicas = plan.active ? plan.replicas : 0
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
  const deployment = desiredDeployment({
    owner,
    spec,
    image: defaults.image,
    replicas,
    revision: plan.revision,
    mountedRevisions: plan.mountedRevisions,
    kafkaSecrets: plan.kafkaSecrets,
    drainSeconds: defaults.drainSeconds,
    restartRequestedAt: observed.restartRequestedAt,
    references: observed.references,
    resources: resourcesOf(spec.resources ?? defaults.resources),
  })
  const ownServiceAccount = spec.serviceAccountName === undefined
  return {
    before: [configMap, ...(ownServiceAccount ? [serviceAccount] : []), ...(replicas > 1 ? [budget] : [])],
    deployment: { kind: DEPLOYMENTS, object: deployment, live: observed.deployment },
    obsolete: [...(ownServiceAccount ? [] : [serviceAccount]), ...(replicas > 1 ? [] : [budget])],
  }
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
