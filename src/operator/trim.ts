import { API_GROUP } from '../contract/names.ts'
import type {
  ConfigMap,
  Deployment,
  KubeObject,
  ObjectMeta,
  Pod,
  PodDisruptionBudget,
  ServiceAccount,
} from '../kube/kinds.ts'
import { defined } from '../lib/defined.ts'

// What the caches keep of each kind: what a reconcile reads, no more. What is dropped here, nobody is told of either.

/** What `kubectl apply` keeps for itself: a second copy of the whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
/** Of a Deployment's status: whether its rollout goes on. */
const ROLLOUT_CONDITIONS = new Set(['Progressing', 'ReplicaFailure'])
/** Of a pod's: the node that it has, and the news that it is to be asked. */
const POD_CONDITIONS = new Set(['PodScheduled', 'Ready'])

/** Drops kubectl's copy of an object, of kinds that are read in full or are few. */
export function trimObject<T extends KubeObject>(object: T): T {
  if (object.metadata?.annotations) delete object.metadata.annotations[LAST_APPLIED]
  return object
}

export function trimDeployment({ metadata, spec, status }: Deployment): Deployment {
  const { observedGeneration, replicas, updatedReplicas, availableReplicas, conditions = [] } = status ?? {}
  const counts = { observedGeneration, replicas, updatedReplicas, availableReplicas }
  const rollout = conditions.filter(({ type }) => ROLLOUT_CONDITIONS.has(type)).map(withoutTimes)
  const trimmed = { metadata: trimMeta(metadata), spec, status: { ...counts, conditions: rollout } }
  return trimmed as Deployment
}

export function trimConfigMap({ metadata }: ConfigMap): ConfigMap {
  return { metadata: trimMeta(metadata) }
}

export function trimServiceAccount({ metadata, automountServiceAccountToken }: ServiceAccount): ServiceAccount {
  return { metadata: trimMeta(metadata), ...defined({ automountServiceAccountToken }) }
}

export function trimPodDisruptionBudget({ metadata, spec }: PodDisruptionBudget): PodDisruptionBudget {
  return { metadata: trimMeta(metadata), ...defined({ spec }) }
}

/** The tenth of a pod that anybody here reads: whose it is, from which template, where it is and how it is. */
export function trimPod({ metadata = {}, status }: Pod): Pod {
  const { phase, podIP, startTime, conditions = [], containerStatuses = [], initContainerStatuses } = status ?? {}
  const { name, namespace, uid, labels, annotations, deletionTimestamp } = metadata
  return {
    metadata: {
      ...defined({ name, namespace, uid, labels, deletionTimestamp }),
      annotations: ownOf(annotations),
    },
    status: {
      ...defined({ phase, podIP }),
      ...(phase === 'Pending' ? defined({ startTime }) : {}),
      conditions: conditions.filter(({ type }) => POD_CONDITIONS.has(type)).map(withoutTimes),
      containerStatuses: containerStatuses.map(trimContainer),
      ...defined({ initContainerStatuses: initContainerStatuses?.map(trimContainer) }),
    },
  }
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]

function trimContainer({ name, image, ready, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  return { name, image, imageID: '', ready, restartCount, ...defined({ state, lastState }) }
}

/** Of an object that the operator made: all but its resource version, which changes with every word of anybody, and others' annotations. */
function trimMeta(metadata: ObjectMeta = {}): ObjectMeta {
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp, labels, ownerReferences } = metadata
  return {
    ...defined({ name, namespace, uid, generation, creationTimestamp, deletionTimestamp, labels, ownerReferences }),
    annotations: ownOf(metadata.annotations),
  }
}

function ownOf(annotations: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(`${API_GROUP}/`)))
}

function withoutTimes<T extends { type: string; status: string; reason?: string; message?: string }>(condition: T): T {
  const { type, status, reason, message } = condition
  return { type, status, ...defined({ reason, message }) } as T
}
