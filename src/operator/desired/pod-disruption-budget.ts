import type { PodDisruptionBudget } from '../../kube/kinds.ts'
import { type Owner, objectMeta, selectorLabels, sinkName } from './metadata.ts'

/**
 * One pod at a time when nodes are drained. Only for several replicas: with one, a budget would either forbid every drain or
 * mean nothing. Pods that are not ready may always go, so that a broken connector never blocks a node.
 */
export function desiredPodDisruptionBudget(owner: Owner): PodDisruptionBudget {
  return {
    metadata: objectMeta(owner, sinkName(owner.name)),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(owner.name) },
    },
  }
}
