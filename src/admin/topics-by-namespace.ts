import { literal, type TopicPatterns, topicMatcher, topicPatternOf, underscoreForm } from '../contract/topic-pattern.ts'
import { ApiError } from './api-error.ts'

/** The key of topics whose pattern has no `{namespace}`: one topic carries the events of several. */
const ANY_NAMESPACE = '*'

/**
 * The topics of an event type by event namespace, both sorted. Namespaces and event names may contain dots, so a topic name
 * cannot always be split: the namespace is taken to end at the first place where the pattern fits.
 *
 * @param pattern with `{realm}`, `{namespace}` and `{eventName}`
 */
export function topicsByNamespace(topics: readonly string[], pattern: string, realm: string): Record<string, string[]> {
  const matcher = topicMatcher(pattern, realm, '(?<namespace>.+?)')
  const byNamespace = new Map<string, string[]>()
  for (const topic of topics.toSorted()) {
    const match = matcher.exec(topic)
    if (!match) continue
    const namespace = match.groups?.namespace ?? ANY_NAMESPACE
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), topic])
  }
  return Object.fromEntries([...byNamespace].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The pattern of an event type, in either of its forms. @throws ApiError 501 where the configuration has none */
export function configuredPattern(eventType: string, patterns: TopicPatterns): string {
  const pattern = topicPatternOf(eventType, patterns)
  if (pattern !== undefined) return pattern
  throw new ApiError(
    'notConfigured',
    `topicPatterns has no ${underscoreForm(eventType)} in the configuration of this service`,
  )
}

/** The name of a topic by its pattern. */
export function topicName(pattern: string, values: { realm: string; namespace: string; eventName: string }): string {
  return pattern.replace(/\{(realm|namespace|eventName)\}/g, (_all, name: keyof typeof values) => values[name])
}

/** Whether a topic has a name by the pattern in this namespace. One of `acme.eu` has, for `acme`: it may be of its event `eu.…`. */
export function isTopicOf(
  topic: string,
  pattern: string,
  { realm, namespace }: { realm: string; namespace: string },
): boolean {
  return topicMatcher(pattern, realm, literal(namespace)).test(topic)
}
