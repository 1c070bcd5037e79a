import { parse } from 'yaml'
import * as z from 'zod'
import { kafkaSaslSchema, kafkaTlsSchema, saslNeedsTls } from '../contract/kafka-fields.ts'
import { describeError } from '../lib/errors.ts'

const seconds = (min: number, max: number) => z.number().min(min).max(max)
const quantities = z.record(z.string(), z.union([z.string(), z.number()]).transform(String))
const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { error: 'must be the name of a Kubernetes namespace' })

/** The operator's configuration file. Every value is checked and bounded here, nothing below reads it again. */
export const operatorConfigSchema = z.strictObject({
  /** Value of `{realm}` in topic names and paths. */
  realm: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,63}$/, { error: 'must be 1 to 63 letters, digits, dots, underscores and hyphens' }),
  /** The Kafka cluster of connectors that name none. */
  kafka: z
    .strictObject({
      bootstrapServers: z
        .array(z.string().regex(/^[^\s:,]+:[0-9]{1,5}$|^\[[^\s,]+\]:[0-9]{1,5}$/, { error: 'must be host:port' }))
        .min(1, { error: 'must name at least one broker' }),
      /** As `spec.kafka.tls` and `.sasl`. A pod mounts Secrets of its own namespace only: they must be in each connector's. */
      tls: kafkaTlsSchema.optional(),
      sasl: kafkaSaslSchema.optional(),
    })
    .refine(saslNeedsTls.holds, { error: saslNeedsTls.allowed }),
  /** Event type (underscore form) to the names of its topics. */
  topicPatterns: z.record(z.string(), z.string().min(1)).default({
    game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
    justice_event: 'analytics_justice_event.{realm}.{namespace}.{eventName}',
  }),
  /** Image of the sink pods; `--sink-image` goes before it. Absent: the image of the operator's own pod. */
  sinkImage: z.string().min(1).optional(),
  /** Resources of a sink pod whose connector names none. */
  sinkResources: z
    .strictObject({ requests: quantities.optional(), limits: quantities.optional() })
    .default({ requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } }),
  /** Longest time a sink may take to write and commit what it holds when its pod ends. */
  drainSeconds: z.int().min(1).max(3600).default(45),
  /** Most bytes of records that one sink process holds in memory. */
  bufferBytes: z.int().min(1_048_576).optional(),
  /** The namespaces to look after; absent: all of them. */
  watchNamespaces: z.array(namespaceName).min(1).optional(),
  /** Where the counter of the connectors' ids is, the same for operator and REST API; absent: the pod's own namespace. */
  idCounterNamespace: namespaceName.optional(),
  /** Connectors reconciled at the same time. */
  concurrency: z.int().min(1).max(256).default(16),
  /** Between two questions to a pod for its status: while it is changing, and while it delivers. */
  statusPollSeconds: z
    .strictObject({ changing: seconds(0.1, 60).default(1), steady: seconds(0.1, 600).default(10) })
    .default({ changing: 1, steady: 10 }),
})

export type OperatorConfig = z.infer<typeof operatorConfigSchema>

/**
 * Reads the operator's configuration file (YAML).
 *
 * @param name of the file, for messages
 * @throws Error that names every field that is wrong and what is allowed
 */
export function parseOperatorConfig(text: string, name: string): OperatorConfig {
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    throw new Error(`${name} is not YAML: ${describeError(error)}`)
  }
  const result = operatorConfigSchema.safeParse(document ?? {})
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`)
  throw new Error(`${name} cannot be used: ${problems.join('; ')}`)
}
