import type {
  EventsV1Event,
  V1ConfigMap,
  V1CronJob,
  V1Deployment,
  V1Job,
  V1Lease,
  V1Pod,
  V1PodDisruptionBudget,
  V1PodTemplateSpec,
  V1Secret,
  V1ServiceAccount,
  V1SubjectAccessReview,
  V1TokenReview,
} from '@kubernetes/client-node'
import { API_GROUP, API_VERSION, KIND, PLURAL } from '../contract/names.ts'
import type { AnalyticsConnector } from '../contract/resource.ts'

/** A client-node model as it really travels: times are RFC 3339 strings. The models' classes are never instantiated. */
type Plain<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Plain<T[K]> } : T

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

/** The part of every Kubernetes object that the client itself reads. */
export interface ObjectMeta {
  name?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
  managedFields?: unknown
}

export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata?: ObjectMeta
}

export interface ObjectRef {
  readonly namespace: string
  readonly name: string
}

/** How the API server names a type of object; `T` is what its JSON looks like. */
export interface Kind<T extends KubeObject> {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  /** Never set: carries `T` from a kind to the results of the calls that are given it. */
  readonly object?: T
}

type WithMeta<T> = Omit<Plain<T>, 'metadata'> & { metadata?: ObjectMeta }

export type Deployment = WithMeta<V1Deployment>
export type PodTemplateSpec = Plain<V1PodTemplateSpec>
export type Pod = WithMeta<V1Pod>
export type Job = WithMeta<V1Job>
export type CronJob = WithMeta<V1CronJob>
export type ConfigMap = WithMeta<V1ConfigMap>
export type ServiceAccount = WithMeta<V1ServiceAccount>
export type PodDisruptionBudget = WithMeta<V1PodDisruptionBudget>
export type Lease = WithMeta<V1Lease>
export type Event = WithMeta<EventsV1Event>
export type Secret = WithMeta<V1Secret>
export type TokenReview = WithMeta<V1TokenReview>
export type SubjectAccessReview = WithMeta<V1SubjectAccessReview>
export type { AnalyticsConnector }

export const CONNECTORS: Kind<AnalyticsConnector & KubeObject> = {
  apiVersion: `${API_GROUP}/${API_VERSION}`,
  kind: KIND,
  plural: PLURAL,
}
/** The same, as the status subresource takes it. */
export const CONNECTOR_STATUSES: Kind<KubeObject & Pick<AnalyticsConnector, 'status'>> = {
  apiVersion: CONNECTORS.apiVersion,
  kind: CONNECTORS.kind,
  plural: CONNECTORS.plural,
}
export const DEPLOYMENTS: Kind<Deployment> = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' }
export const PODS: Kind<Pod> = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' }
export const JOBS: Kind<Job> = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' }
export const CRON_JOBS: Kind<CronJob> = { apiVersion: 'batch/v1', kind: 'CronJob', plural: 'cronjobs' }
export const CONFIG_MAPS: Kind<ConfigMap> = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' }
export const SERVICE_ACCOUNTS: Kind<ServiceAccount> = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
}
export const POD_DISRUPTION_BUDGETS: Kind<PodDisruptionBudget> = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
}
export const LEASES: Kind<Lease> = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' }
export const EVENTS: Kind<Event> = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events' }
export const SECRETS: Kind<Secret> = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' }
/** Questions to the API server: created, answered in `status`, never stored. */
export const TOKEN_REVIEWS: Kind<TokenReview> = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
}
export const SUBJECT_ACCESS_REVIEWS: Kind<SubjectAccessReview> = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
}

/** `<namespace>/<name>`: the key of an object in caches and in the queue. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`
}

/** The reverse of `keyOf`. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
