import * as z from 'zod'
import { field } from './rule.ts'

const dateTime = z.string().meta({ format: 'date-time' })

/** Characters of a condition's message; a status with a longer one is refused as a whole. Source: metav1.Condition. */
export const MAX_MESSAGE_LENGTH = 32_768

/** metav1.Condition. `lastTransitionTime` moves only when `status` changes. Source: Kubernetes API conventions. */
const conditionSchema = z.looseObject({
  type: field(z.string().max(316), 'Ready, Active; Reconciling or Stalled only while True.'),
  status: field(z.enum(['True', 'False', 'Unknown']), 'True, False or Unknown.'),
  observedGeneration: field(z.int().min(0), 'Generation of the spec that this condition speaks of.', {
    format: 'int64',
  }).optional(),
  lastTransitionTime: field(dateTime, 'When status last changed.'),
  reason: field(z.string().min(1).max(1024), 'Why, in one CamelCase word.'),
  message: field(z.string().max(MAX_MESSAGE_LENGTH), 'Why, in words.'),
})

export type Condition = z.infer<typeof conditionSchema>

/** The published status document. */
export const connectorStatusSchema = z.looseObject({
  time: field(dateTime, 'When this was true.'),
  connector: field(z.string(), 'Name of the connector.'),
  status: field(
    z.enum(['ACTIVE', 'INACTIVE', 'STARTING', 'STOPPING', 'FAILED']),
    'ACTIVE: delivering. INACTIVE: paused and stopped. STARTING: asked to run, not yet delivering. STOPPING: draining. FAILED: not delivering, retrying; error says why.',
  ),
  error: field(
    z.string().nullable(),
    'Why the connector is FAILED, in one line that a person can act on; null otherwise.',
  ).optional(),
})

const lostRangeSchema = z.looseObject({
  topic: field(z.string(), 'Kafka topic.'),
  partition: field(z.int(), 'Its partition.', { format: 'int32' }),
  from: field(z.string(), 'First offset that was not delivered; digits.'),
  to: field(z.string(), 'First offset that was still there; digits.'),
  at: field(dateTime, 'When a sink found it.'),
})

/** Partitions whose newest lost range is kept: as many as a person reads, and the status stays far below etcd's limit. */
export const MOST_LOST_RANGES = 300

const lostSchema = z.looseObject({
  offsets: field(
    z.int(),
    'Offsets in all ranges since the connector was made; as many records, less what transactions and compaction leave out.',
    { format: 'int64' },
  ),
  ranges: field(
    z.array(lostRangeSchema).max(MOST_LOST_RANGES),
    `The newest range of each partition that lost one, of at most ${MOST_LOST_RANGES}.`,
    { 'x-kubernetes-list-type': 'atomic' },
  ),
})

export type Lost = z.infer<typeof lostSchema>

export const statusSchema = z.looseObject({
  observedGeneration: field(
    z.int(),
    'Newest generation of the spec that the operator has acted on; -1 before the first.',
    {
      format: 'int64',
    },
  ).optional(),
  id: field(
    z.int(),
    'Integer id in the REST API, given once and never again to another connector; also the label analytics-connector.io/id.',
    { format: 'int64' },
  ).optional(),
  active: field(z.boolean(), 'Whether the connector is switched on: spec.active with its default.').optional(),
  replicas: field(z.int(), 'Sink pods that exist.', { format: 'int32' }).optional(),
  selector: field(z.string(), 'Label selector of the sink pods, for the scale subresource.').optional(),
  revision: field(
    z.string(),
    'Configuration revision that runs fully: every sink pod carries it and delivers. The last such one while a newer one is rolled out or fails.',
  ).optional(),
  restartRequestedAt: field(
    z.string(),
    'The newest value of the annotation analytics-connector.io/restart-requested-at that the pods were told to restart for; done when Ready.',
  ).optional(),
  offsetsRenewedAt: field(
    dateTime,
    'While nothing runs, or nothing has been delivered for a day: when the consumer group’s offsets were last committed again, so that Kafka does not forget them.',
  ).optional(),
  topicPartitions: field(
    z.int(),
    'Partitions of the connector’s topics, as its sinks last counted them. More pods than these would have nothing to read and are not started.',
    { format: 'int32' },
  ).optional(),
  lost: field(
    lostSchema,
    'What had expired in Kafka before it was delivered, after a pause for example. Absent where nothing had.',
  ).optional(),
  connector: field(connectorStatusSchema, 'The status document of the published API.').optional(),
  conditions: field(
    z.array(conditionSchema).max(16),
    'Ready: what the spec asks for is so. Active: the connector delivers. Reconciling and Stalled only while True. OffsetsKept, while nothing runs or nothing has been delivered for a day: Kafka remembers where to go on. ScalingLimited only while True: spec.replicas is more than there are partitions. Conflicted only while True: another connector has the same consumer group, or can write the same object keys.',
    { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  ).optional(),
})
