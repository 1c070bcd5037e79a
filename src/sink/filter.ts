const ANY = '*'

/** Which events a connector delivers: event namespace, or `"*"`, to topics, or `"*"`. */
export type Filter = Readonly<Record<string, readonly string[]>>

/** The filter's answers about one topic. */
export interface TopicFilter {
  /** False where every event of the topic is wanted whatever its namespace, or even without one. */
  readonly needsNamespace: boolean
  wants(namespace: string | null): boolean
}

/**
 * The filter as it applies to one topic. A topic may carry events of several namespaces, so each event is judged by its
 * own namespace together with the topic it came from, never by the topic's name.
 */
export function topicFilter(filter: Filter, topic: string): TopicFilter {
  const namespaces = new Set(
    Object.entries(filter)
      .filter(([, topics]) => topics.includes(topic) || topics.includes(ANY))
      .map(([namespace]) => namespace),
  )
  if (namespaces.has(ANY)) return { needsNamespace: false, wants: () => true }
  return { needsNamespace: true, wants: (namespace) => namespace !== null && namespaces.has(namespace) }
}
