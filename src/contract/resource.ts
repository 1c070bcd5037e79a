/**
 * The AnalyticsConnector resource: the one source of its TypeScript types, of the CRD (`crd.ts`), of offline validation
 * (`validate.ts`) and of the field reference. A field's description says what it causes, its unit, range and default.
 * Optional fields have no default here; see `defaults.ts`.
 */
import * as z from 'zod'
import { connectorConfigSchema } from './config-fields.ts'
import { DEFAULTS } from './defaults.ts'
import { kafkaSchema } from './kafka-fields.ts'
import { metadataSchema } from './metadata-fields.ts'
import { API_GROUP, API_VERSION, KIND } from './names.ts'
import { podTemplateSchema, resourcesSchema } from './pod-fields.ts'
import { boundedMap, celString, field, immutable, matches, type Rule } from './rule.ts'
import { statusSchema } from './status-fields.ts'

/** Pods, revisions and labels are named after the connector and need room for what is added, within 63 characters. */
export const NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'
export const NAME_ALLOWED =
  'must be 1 to 50 lower-case letters, digits and hyphens that begin and end with a letter or digit'

const wildcardAlone: Rule<string[]> = {
  cel: "!(self.size() > 1 && self.exists(topic, topic == '*'))",
  holds: (topics) => topics.length === 1 || !topics.includes('*'),
  allowed: '"*" beside other topics is not allowed: must stand alone, as it already means every topic',
  celMessage: null,
}

const topic = field(z.string().max(249), '', {
  rules: [
    matches(
      '^([*]|[\\w.-]+)$',
      'must be "*" or the name of a Kafka topic: letters, digits, dots, underscores and hyphens',
    ),
  ],
})

const topics = field(
  z
    .array(topic)
    .min(1)
    .max(256)
    .refine((list) => new Set(list).size === list.length, { error: 'must not name a topic twice' }),
  'At most 256 topics; "*" alone: every topic of the event type, followed as topics appear.',
  { 'x-kubernetes-list-type': 'set', rules: [wildcardAlone] },
)

const atLeastOneNamespace: Rule<Record<string, string[]>> = {
  cel: 'self.size() > 0',
  holds: (filter) => Object.keys(filter).length > 0,
  allowed: 'must have at least one event namespace with at least one topic; {"*": ["*"]} selects everything',
  celMessage: null,
}

const NAMESPACE_PATTERN = '^([*]|[^* \\t\\r\\n]{1,128})$'
const namespacePattern = new RegExp(NAMESPACE_PATTERN, 'u')

const namespaceKeys: Rule<Record<string, string[]>> = {
  cel: `self.all(key, key.matches(${celString(NAMESPACE_PATTERN)}))`,
  holds: (filter) => Object.keys(filter).every((namespace) => namespacePattern.test(namespace)),
  allowed: 'keys must be "*" or an event namespace of 1 to 128 characters without white space',
  celMessage: null,
}

export const specSchema = z.strictObject({
  active: field(
    z.boolean(),
    'Whether the connector runs. false drains what is buffered, commits and removes the pods; the events stay on Kafka only as long as its retention. Default true.',
  ).optional(),
  storageType: field(z.enum(['KAFKA_S3']), 'From where to where: KAFKA_S3. Required; cannot be changed.', {
    maxLength: 8,
    rules: [immutable()],
  }),
  config: connectorConfigSchema,
  filter: field(
    boundedMap(topics, 64),
    'Which events: event namespace (the event’s own, not the Kubernetes one; "*": every namespace) to its topics. At most 64 namespaces. Required, at least one.',
    { maxProperties: 64, rules: [atLeastOneNamespace, namespaceKeys] },
  ),
  kafka: kafkaSchema.optional(),
  replicas: field(
    z.int().min(0).max(1000),
    `Members of the consumer group, each a pod; 0 to 1000. No more pods run than the topics have partitions; the first pod of a new connector starts alone and counts them. Also set by kubectl scale and by autoscalers: leave it out of the manifest where one is at work. Default ${DEFAULTS.replicas}, which the API server writes in, as an autoscaler needs a value to begin with.`,
    // docs/decisions/0015-one-default-in-the-schema.md
    { format: 'int32', default: DEFAULTS.replicas },
  ).optional(),
  deletionPolicy: field(
    z.enum(['Retain', 'DeleteConsumerGroup']),
    `What becomes of the consumer group when the connector is deleted. Retain: it stays in Kafka, and a connector of the same group goes on from there. DeleteConsumerGroup: the sinks are ended first, then a short-lived pod deletes it, unless another connector has the same group; the deletion waits for that, for some minutes at most. Default ${DEFAULTS.deletionPolicy}.`,
  ).optional(),
  resources: field(
    resourcesSchema,
    'CPU and memory of each pod. Default: those of the operator’s configuration.',
  ).optional(),
  podTemplate: field(podTemplateSchema, 'Labels, annotations and scheduling of the pods.').optional(),
  serviceAccountName: field(
    z.string().max(253),
    'ServiceAccount of the pods, in the connector’s namespace; it must exist. For a cloud role (IRSA, Pod Identity). Default: one that the operator makes, without rights.',
    {
      rules: [
        matches(
          '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
          'must be the name of a ServiceAccount: lower-case letters, digits, dots and hyphens',
        ),
      ],
    },
  ).optional(),
})

export const analyticsConnectorSchema = z.strictObject({
  apiVersion: z.literal(`${API_GROUP}/${API_VERSION}`),
  kind: z.literal(KIND),
  metadata: metadataSchema,
  spec: field(specSchema, 'What is wanted.'),
  status: field(statusSchema, 'What is so, as the operator sees it.').optional(),
})

export type AnalyticsConnector = z.infer<typeof analyticsConnectorSchema>
export type AnalyticsConnectorSpec = z.infer<typeof specSchema>
export type AnalyticsConnectorStatus = z.infer<typeof statusSchema>
export type ConnectorStatus = NonNullable<AnalyticsConnectorStatus['connector']>
