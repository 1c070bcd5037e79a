import type { AnalyticsConnectorSpec } from '../../contract/resource.ts'
import type { TopicPatterns } from '../../contract/topic-pattern.ts'
import { ApiError } from '../api-error.ts'
import { configuredPattern, isTopicOf, topicName } from '../topics-by-namespace.ts'

/** What a path may show and change: all connectors (v1), or those of one game namespace (v2). */
export type Scope = { readonly version: 'v1' } | { readonly version: 'v2'; readonly namespace: string }

/** Of event namespaces in a v2 path. A lone `*` would be the filter's wildcard, and a slash or colon another path or permission. */
const NAMESPACE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/

/** @throws ApiError 400 for a namespace that can be none */
export function namespaceScope(namespace: string): Scope {
  if (NAMESPACE.test(namespace)) return { version: 'v2', namespace }
  const allowed =
    'must be 1 to 128 letters, digits, dots, underscores and hyphens that begin and end with a letter or digit'
  throw new ApiError('validation', `namespace: ${JSON.stringify(namespace)} is not allowed: ${allowed}`)
}

/** The permission that a caller needs in a scope. */
export function requiredResource(scope: Scope): string {
  return scope.version === 'v1' ? 'ADMIN:ANALYTICS:CONNECTOR' : `ADMIN:NAMESPACE:${scope.namespace}:ANALYTICS:CONNECTOR`
}

/** Whether a connector delivers nothing but what the scope may see. A wildcard reaches outside of every namespace. */
export function isWithin(scope: Scope, { filter }: Pick<AnalyticsConnectorSpec, 'filter'>): boolean {
  return scope.version === 'v1' || Object.keys(filter).every((namespace) => namespace === scope.namespace)
}

/**
 * Fields of config that lead outside of the game namespace, whatever the filter says, and why: every connector runs in one
 * Kubernetes namespace, with one role, so what one tenant names here may be another's.
 */
const OUTSIDE_FIELDS: Readonly<Record<string, string>> = {
  credentialsSecretRef: 'any Secret beside the connectors could be named, also one of another game namespace',
  tls: 'any Secret beside the connectors could be named, also one of another game namespace',
  assumeRole: 'any role that trusts the connectors could be taken on, also one of another game namespace',
  endpoint: "any address that the connectors' network reaches could be called",
}

/**
 * @param names fields of config that a caller sets, without those that keep their value
 * @throws ApiError 400 that names each field that the scope may not set
 */
export function checkSettable(scope: Scope, names: readonly string[]): void {
  if (scope.version === 'v1') return
  const refused = names
    .filter((name) => Object.hasOwn(OUTSIDE_FIELDS, name))
    .map(
      (name) =>
        `config.${name}: is not allowed below a namespace: must be set through v1 or kubectl, as ${OUTSIDE_FIELDS[name]}`,
    )
  if (refused.length > 0) throw new ApiError('validation', refused.join('; '))
}

/** @throws ApiError 403 for a filter that reaches outside of the scope */
export function checkWithin(scope: Scope, spec: Pick<AnalyticsConnectorSpec, 'filter'>): void {
  if (scope.version === 'v1' || isWithin(scope, spec)) return
  const outside = Object.keys(spec.filter).filter((namespace) => namespace !== scope.namespace)
  throw new ApiError(
    'forbidden',
    `filter: ${outside.map((namespace) => JSON.stringify(namespace)).join(', ')} is not allowed: must name only ${JSON.stringify(scope.namespace)}, the namespace of the path`,
  )
}

/** How the topics of the event types are named; see the configuration. */
export interface TopicNaming {
  readonly realm: string
  readonly topicPatterns: TopicPatterns
}

const EVERY_TOPIC = '*'

/**
 * A record that tells no namespace is delivered, as a reject, by each connector that reads its topic: whoever may name any topic may read
 * what is in it, such as all events of another event type. So what is named must be a topic of the namespace.
 *
 * @param before the filter so far, whose topics may stay
 * @throws ApiError 403 that names the topics that are not
 */
export function checkTopics(
  scope: Scope,
  { config: { eventType }, filter }: Pick<AnalyticsConnectorSpec, 'config' | 'filter'>,
  before: AnalyticsConnectorSpec['filter'],
  { realm, topicPatterns }: TopicNaming,
): void {
  if (scope.version === 'v1') return
  const { namespace } = scope
  const known = new Set([EVERY_TOPIC, ...Object.values(before).flat()])
  const named = Object.values(filter).flatMap((topics) => topics.filter((topic) => !known.has(topic)))
  if (named.length === 0) return
  const pattern = configuredPattern(eventType, topicPatterns)
  const outside = named.filter((topic) => !isTopicOf(topic, pattern, { realm, namespace }))
  if (outside.length === 0) return
  const allowed = topicName(pattern, { realm, namespace, eventName: '{eventName}' })
  throw new ApiError(
    'forbidden',
    `filter.${namespace}: ${outside.map((topic) => JSON.stringify(topic)).join(', ')} is not allowed: must be "*" or a topic of the namespace, ${allowed}`,
  )
}
