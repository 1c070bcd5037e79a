import { createHash } from 'node:crypto'
import { API_GROUP, API_VERSION, CONNECTOR_LABEL, KIND } from '../../contract/names.ts'
import type { ObjectMeta, OwnerReference } from '../../kube/kinds.ts'

/** On an object: hash of what was applied, so that a field that is no longer wanted is seen without reading managedFields. */
export const APPLIED_ANNOTATION = `${API_GROUP}/applied`
/** On a pod: hash of the pod template that it was made from, which tells pods of one rollout from those of another. */
export const TEMPLATE_ANNOTATION = `${API_GROUP}/template`

/** On a pod: hash of the state of the Secrets and ConfigMaps that it was made with. */
export const REFERENCES_ANNOTATION = `${API_GROUP}/references`

/** Who the objects are made for. */
export interface Owner {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Name of the Deployment, ServiceAccount and PodDisruptionBudget of a connector; its revisions' names begin with it. */
export function sinkName(connectorName: string): string {
  return `${connectorName}-sink`
}

/** A short name for a JSON value. Equal values that were built in the same order have equal names. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

/** Labels that select a connector's sink pods. A Deployment's selector cannot change, so neither can these. */
export function selectorLabels(connectorName: string): Record<string, string> {
  return { [CONNECTOR_LABEL]: connectorName, 'app.kubernetes.io/component': 'sink' }
}

/** The same as a string, for the scale subresource. */
export function labelSelector(connectorName: string): string {
  return Object.entries(selectorLabels(connectorName))
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

/** The component of what looks after the consumer group while no sink runs. */
export const GROUP_COMPONENT = 'group'

/** Labels of every object of a connector: what selects its pods, and the recommended ones. */
export function objectLabels(connectorName: string): Record<string, string> {
  return {
    ...selectorLabels(connectorName),
    'app.kubernetes.io/name': 'analytics-connector',
    'app.kubernetes.io/instance': connectorName,
    'app.kubernetes.io/managed-by': 'analytics-connector-operator',
  }
}

/**
 * Deleting the connector deletes the object. `blockOwnerDeletion` stays away: it needs a permission on finalizers where
 * that is checked (OpenShift) and only decides the order of a foreground deletion.
 */
export function ownerReference({ name, uid }: Owner): OwnerReference {
  return { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: KIND, name, uid, controller: true }
}

/** Labels of what looks after the consumer group: no Deployment, budget or autoscaler takes its pods for sinks. */
export function groupLabels(connectorName: string): Record<string, string> {
  return { ...objectLabels(connectorName), 'app.kubernetes.io/component': GROUP_COMPONENT }
}

export function objectMeta(owner: Owner, name: string, annotations: Record<string, string> = {}): ObjectMeta {
  return {
    namespace: owner.namespace,
    name,
    labels: objectLabels(owner.name),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    ownerReferences: [ownerReference(owner)],
  }
}
