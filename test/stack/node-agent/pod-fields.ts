import type { Container, FieldRef, Pod, ResourceFieldRef } from './pod.ts'
import { quantityInUnits } from './quantity.ts'

/** What only the node knows about a pod. */
export interface NodeFacts {
  readonly nodeName: string
  readonly hostIP: string
  readonly podIP: string
  /** What a container without a limit may use: `limits.cpu` and `limits.memory` fall back to it. */
  readonly allocatable: Readonly<Record<string, string>>
}

/**
 * The value of a downward API field of a pod.
 * Source: Kubernetes documentation, "Downward API", available fields.
 *
 * @throws Error for a field path that has no value here
 */
export function podField(pod: Pod, facts: NodeFacts, { fieldPath }: FieldRef): string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath)
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] ?? ''] ?? ''
  const value = fieldsOf(pod, facts)[fieldPath]
  if (value === undefined) throw new Error(`unsupported fieldPath: ${fieldPath}`)
  return value
}

function fieldsOf({ metadata, spec }: Pod, { nodeName, hostIP, podIP }: NodeFacts): Record<string, string> {
  return {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': asLines(metadata.labels),
    'metadata.annotations': asLines(metadata.annotations),
    'spec.nodeName': nodeName,
    'spec.serviceAccountName': spec.serviceAccountName ?? 'default',
    'status.podIP': podIP,
    'status.podIPs': podIP,
    'status.hostIP': hostIP,
    'status.hostIPs': hostIP,
  }
}

/** One `key="value"` a line, sorted, as a downward API file shows a whole map. */
function asLines(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
}

/**
 * The value of a resourceFieldRef such as limits.memory in units of its divisor.
 *
 * @param own the container the reference stands in; a volume's reference names another
 * @throws Error when the named container or the resource is unknown
 */
export function resourceField(pod: Pod, own: Container | undefined, facts: NodeFacts, ref: ResourceFieldRef): string {
  const container = ref.containerName ? pod.spec.containers.find(({ name }) => name === ref.containerName) : own
  if (!container) throw new Error(`container ${ref.containerName} not found`)
  const [kind, resource = ''] = ref.resource.split('.')
  const given = kind === 'limits' ? container.resources?.limits : container.resources?.requests
  const fallback = kind === 'limits' ? facts.allocatable[resource] : '0'
  const quantity = given?.[resource] ?? fallback
  if (quantity === undefined) throw new Error(`unsupported container resource: ${ref.resource}`)
  return quantityInUnits(quantity, ref.divisor)
}
