import { literal, topicMatcher } from '../../contract/topic-pattern.ts'

/** Which topics a connector reads: the filter of its configuration, and the pattern that `"*"` stands for. */
export interface TopicRule {
  /** Event namespace, or `"*"`, to topic names, or `"*"`. */
  readonly filter: Readonly<Record<string, readonly string[]>>
  /** With `{realm}`, `{namespace}` and `{eventName}`. */
  readonly topicPattern: string
  readonly realm: string
}

export interface TopicSelection {
  /** Topics that exist and that the rule names or matches; sorted. */
  readonly topics: readonly string[]
  /** Topics that the rule names and that do not exist; sorted. */
  readonly missing: readonly string[]
}

const ANY = '*'

/** The topics that the rule names one by one; null when it has a wildcard and so needs to see every topic. */
export function explicitTopics({ filter }: TopicRule): string[] | null {
  const names = Object.values(filter).flat()
  return names.includes(ANY) ? null : [...new Set(names)].sort()
}

/**
 * Selects out of the topics of a cluster (without Kafka's internal ones).
 *
 * Namespaces and event names may contain dots, so `acme` with `"*"` also matches a topic of namespace `acme.eu`
 * (`….acme.eu.login` could be event `eu.login` of `acme`). A topic name cannot decide that: too many topics are read, and
 * the namespace in each record decides what is delivered.
 */
export function selectTopics({ filter, topicPattern, realm }: TopicRule, existing: Iterable<string>): TopicSelection {
  const all = new Set(existing)
  const selected = new Set<string>()
  const missing = new Set<string>()
  for (const [namespace, names] of Object.entries(filter)) {
    for (const name of names) {
      if (name !== ANY) (all.has(name) ? selected : missing).add(name)
    }
    if (!names.includes(ANY)) continue
    const matcher = topicMatcher(topicPattern, realm, namespace === ANY ? '.+' : literal(namespace))
    for (const topic of all) if (matcher.test(topic)) selected.add(topic)
  }
  return { topics: [...selected].sort(), missing: [...missing].sort() }
}
