import type { KubeApi } from '../kube/api.ts'
import { type ObjectRef, PODS } from '../kube/kinds.ts'

/** Name of the operator's container in its pod. */
const CONTAINER = 'operator'

/**
 * The image of the operator's own pod. The sinks run the same program, so whoever sets the image of the operator (an
 * overlay, `kubectl set image`, an image updater) has set theirs too.
 *
 * @returns undefined when there is no such pod or container, as outside a cluster
 */
export async function ownImage(api: Pick<KubeApi, 'get'>, pod: ObjectRef): Promise<string | undefined> {
  const containers = (await api.get(PODS, pod))?.spec?.containers ?? []
  return containers.find(({ name }) => name === CONTAINER)?.image
}
