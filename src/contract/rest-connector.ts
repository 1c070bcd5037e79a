/** Bodies of the REST API that speak of connectors. The fields of `config` and `filter` are the resource's own, with its rules. */
import * as z from 'zod'
import { connectorConfigSchema } from './config-fields.ts'
import { type AnalyticsConnectorSpec, specSchema } from './resource.ts'
import { field, matches } from './rule.ts'
import { connectorStatusSchema } from './status-fields.ts'

/** Digits that are added to a connector's name at creation. */
export const NAME_DIGITS = 6
/** Longest name that leaves room for the hyphen and the digits within the 50 characters of a resource's name. */
const MAX_NAME_LENGTH = 43

const connectorType = field(z.literal('SINK'), 'From Kafka to storage: SINK.')

const newName = field(
  z.string(),
  `Name of the connector. It is stored as <name>-<${NAME_DIGITS} digits>, which the reply carries, and becomes the name of the Kubernetes object.`,
  {
    rules: [
      matches(
        `^[a-z0-9]([a-z0-9-]{0,${MAX_NAME_LENGTH - 2}}[a-z0-9])?$`,
        `must be 1 to ${MAX_NAME_LENGTH} lower-case letters, digits and hyphens that begin and end with a letter or digit, as it becomes the name of a Kubernetes object`,
      ),
    ],
  },
)

/** The API shows every value as a string, so it takes a `"true"` where a field is true or false. */
function withBooleansAsText<S extends z.ZodObject>(config: S) {
  const booleans = new Set(Object.keys(config.shape).filter((name) => isBoolean(config.shape[name])))
  return z.preprocess((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, booleans.has(name) ? booleanOf(each) : each]),
    )
  }, config)
}

function isBoolean(schema: unknown): boolean {
  return schema instanceof z.ZodOptional ? isBoolean(schema.unwrap()) : schema instanceof z.ZodBoolean
}

function booleanOf(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value
}

/** Of POST. */
export const newConnectorSchema = z.strictObject({
  connectorName: newName,
  connectorType,
  storageType: specSchema.shape.storageType,
  config: withBooleansAsText(connectorConfigSchema),
  filter: specSchema.shape.filter,
})

const editedConfig = z.strictObject(
  Object.fromEntries(
    Object.entries(connectorConfigSchema.shape).map(([name, schema]) => [name, schema.optional()]),
  ) as { [F in keyof typeof connectorConfigSchema.shape]: z.ZodOptional<(typeof connectorConfigSchema.shape)[F]> },
)

/** Of PUT. What is left out stays as it is; `filter` is one field, so it is replaced as a whole. */
export const connectorEditSchema = z.strictObject({
  connectorName: field(z.string(), 'The stored name; cannot be changed.').optional(),
  connectorType: connectorType.optional(),
  storageType: specSchema.shape.storageType.optional(),
  config: withBooleansAsText(editedConfig).optional(),
  filter: specSchema.shape.filter.optional(),
})

/** A connector as every reply shows it. */
export const shownConnectorSchema = z.object({
  id: field(z.int().positive(), 'Given once, never to another connector.'),
  connectorName: field(z.string(), 'The stored name.'),
  connectorType,
  storageType: specSchema.shape.storageType,
  active: field(z.boolean(), 'Whether the connector is switched on; a new one is not.'),
  config: field(
    z.record(z.string(), z.union([z.string(), z.record(z.string(), z.unknown())])),
    'The values that were given, each as a string; a field that was left out has its default and is not shown.',
  ),
  filter: field(z.record(z.string(), z.array(z.string())), 'Event namespace to topics.'),
  createdAt: z.iso.datetime(),
  updatedAt: field(z.iso.datetime(), 'When the configuration last changed.'),
})

export const connectorListSchema = z.array(shownConnectorSchema)

export const connectorQuerySchema = z.strictObject({
  storageType: specSchema.shape.storageType.optional(),
  connectorState: field(connectorStatusSchema.shape.status, 'The status of the status document.').optional(),
  connectorName: field(z.string().max(63), 'The stored name, or the name before its digits.').optional(),
})

export const switchedSchema = z.object({ id: z.int(), active: z.boolean() })
export const deletedSchema = z.object({ deleted: z.literal(true), id: z.int() })
/** The published status document, all four fields always there. */
export const statusDocumentSchema = z.object({
  time: connectorStatusSchema.shape.time,
  connector: connectorStatusSchema.shape.connector,
  status: connectorStatusSchema.shape.status,
  error: z.string().nullable(),
})

export type NewConnector = z.output<typeof newConnectorSchema>
export type ConnectorEdit = z.output<typeof connectorEditSchema>
export type ConnectorQuery = z.output<typeof connectorQuerySchema>
export type ShownConnector = z.output<typeof shownConnectorSchema>
export type StatusDocument = z.output<typeof statusDocumentSchema>

/** The order in which the guide prints them; ours follow. The API server keeps no order. */
const GUIDE_ORDER = [
  'bucketName',
  'region',
  'customPath',
  'customPartitionDuration',
  'partSize',
  'flushInterval',
  'eventType',
  'flushSize',
] as const

/** How a configuration is shown: every value that is not an object as a string. */
export function shownConfig(config: AnalyticsConnectorSpec['config']): ShownConnector['config'] {
  const names = [...new Set([...GUIDE_ORDER, ...Object.keys(config).sort()])] as (keyof typeof config)[]
  return Object.fromEntries(
    names
      .map((name) => [name, config[name]] as const)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, typeof value === 'object' ? { ...value } : String(value)]),
  )
}
