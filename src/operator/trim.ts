import { REVISION_ANNOTATION } from '../contract/names.ts'
import type { KubeObject, ObjectMeta, Pod } from '../kube/kinds.ts'
import { TEMPLATE_ANNOTATION } from './desired/metadata.ts'

/** What `kubectl apply` keeps for itself: a second copy of the whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Drops kubectl's copy of an object. */
export function trimObject<T extends KubeObject>(object: T): T {
  if (object.metadata?.annotations) delete object.metadata.annotations[LAST_APPLIED]
  return object
}

/** The tenth of a pod that anybody here reads: whose it is, from which template, where it is and how it is. */
export function trimPod({ metadata = {}, status }: Pod): Pod {
  const { phase, podIP, conditions, containerStatuses } = status ?? {}
  return {
    metadata: trimPodMeta(metadata),
    status: {
      ...(phase === undefined ? {} : { phase }),
      ...(podIP === undefined ? {} : { podIP }),
      conditions: conditions?.filter(({ type }) => type === 'PodScheduled' || type === 'Ready') ?? [],
      containerStatuses: containerStatuses ?? [],
    },
  }
}

function trimPodMeta({ annotations = {}, ...metadata }: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = metadata
  const ours = Object.entries(annotations).filter(([key]) => key === REVISION_ANNOTATION || key === TEMPLATE_ANNOTATION)
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    annotations: Object.fromEntries(ours),
  }
}
