/** How the topics of an event type are named: by patterns with `{realm}`, `{namespace}` and `{eventName}`. */

/** Event type in its underscore form to the names of its topics. */
export type TopicPatterns = Readonly<Record<string, string>>

/** The form of an event type that configurations know it by. The one with a hyphen means the same; only paths show which was given. */
export function underscoreForm(eventType: string): string {
  return eventType.replaceAll('-', '_')
}

/** The pattern of an event type, in either of its forms; undefined where there is none. */
export function topicPatternOf(eventType: string, patterns: TopicPatterns): string | undefined {
  const name = underscoreForm(eventType)
  return Object.hasOwn(patterns, name) ? patterns[name] : undefined
}

/**
 * Matches the names that a pattern gives, whatever the event's name.
 *
 * @param namespace source of a regular expression for what is in the place of the namespace; see `literal`
 */
export function topicMatcher(pattern: string, realm: string, namespace: string): RegExp {
  const sources: Record<string, string> = {
    '{realm}': literal(realm),
    '{namespace}': namespace,
    '{eventName}': '.+',
  }
  const parts = pattern.split(/(\{realm\}|\{namespace\}|\{eventName\})/)
  return new RegExp(`^${parts.map((part) => sources[part] ?? literal(part)).join('')}$`)
}

/** The source of a regular expression that matches this text and no other. */
export function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
