/** What the configuration files of operator and REST API have in common: where the install's Kafka is and how its topics are named. */
import { parse } from 'yaml'
import * as z from 'zod'
import { describeError } from '../lib/errors.ts'
import { problemsOf } from './problems.ts'

export const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { error: 'must be the name of a Kubernetes namespace' })

/** Anything else, such as `*` or `{eventType}`, would be taken as it is written, and no topic has such a name: `"*"` of a filter would find none. */
const topicPattern = z.string().regex(/^([a-zA-Z0-9._-]|\{(realm|namespace|eventName)\})+$/, {
  error: 'must be the name of a topic, with {realm}, {namespace} and {eventName} for what differs',
})

export const installFields = {
  /** Value of `{realm}` in topic names and paths. */
  realm: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,63}$/, { error: 'must be 1 to 63 letters, digits, dots, underscores and hyphens' }),
  /** Event type (underscore form) to the names of its topics. */
  topicPatterns: z.record(z.string(), topicPattern).default({
    game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
    justice_event: 'analytics_justice_event.{realm}.{namespace}.{eventName}',
  }),
  /** The namespaces to look after; absent: all of them. */
  watchNamespaces: z.array(namespaceName).min(1).optional(),
  /** Where the counter of the connectors' ids is, the same for operator and REST API; absent: the pod's own namespace. */
  idCounterNamespace: namespaceName.optional(),
}

export const bootstrapServers = z
  .array(z.string().regex(/^[^\s:,]+:[0-9]{1,5}$|^\[[^\s,]+\]:[0-9]{1,5}$/, { error: 'must be host:port' }))
  .min(1, { error: 'must name at least one broker' })

/**
 * Reads a configuration file (YAML).
 *
 * @param name of the file, for messages
 * @throws Error that names every field that is wrong and what is allowed
 */
export function parseConfigFile<S extends z.ZodType>(schema: S, text: string, name: string): z.output<S> {
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    throw new Error(`${name} is not YAML: ${describeError(error)}`)
  }
  const result = schema.safeParse(document ?? {}, { reportInput: true })
  if (result.success) return result.data
  const problems = problemsOf(result.error, schema).map(({ path, message }) => `${path || 'the file'}: ${message}`)
  throw new Error(`${name} cannot be used: ${problems.join('; ')}`)
}
