/** Bodies of the REST API's tools. */
import * as z from 'zod'
import { connectorConfigSchema, EVENT_TYPES } from './config-fields.ts'
import { field } from './rule.ts'

const eventType = field(z.enum(EVENT_TYPES), 'game_telemetry or justice_event; the hyphen forms mean the same.')

export const eventTypeParamsSchema = z.strictObject({ eventType })
export const bucketParamsSchema = z.strictObject({ bucketName: connectorConfigSchema.shape.bucketName })

export const topicsByNamespaceSchema = z.record(z.string(), z.array(z.string()))

const value = (description: string) => field(z.string().min(1).max(249), description).optional()

/** What an example path is rendered from; what is left out is made up, the time is now. */
export const pathExampleRequestSchema = z.strictObject({
  customPath: connectorConfigSchema.shape.customPath.unwrap(),
  customPartitionDuration: connectorConfigSchema.shape.customPartitionDuration,
  format: connectorConfigSchema.shape.format,
  compression: connectorConfigSchema.shape.compression,
  eventType: eventType.optional(),
  namespace: value('Event namespace.'),
  eventName: value('Name of the event.'),
  topic: value('Kafka topic. Default: the topic of these by the configured pattern.'),
  time: field(
    z.iso.datetime({ offset: true, error: 'must be a time such as 2026-11-30T10:00:00Z' }),
    'Time of the record, RFC 3339. Default: now.',
  ).optional(),
})

export const pathExampleSchema = z.object({ path: field(z.string(), 'The key of one object.') })

export const bucketPolicySchema = z.object({
  Version: z.literal('2012-10-17'),
  Statement: z.array(
    z.object({
      Sid: z.string(),
      Effect: z.literal('Allow'),
      Principal: z.object({ AWS: z.string() }),
      Action: z.array(z.string()),
      Resource: z.array(z.string()),
    }),
  ),
})

export const errorSchema = z.object({
  errorCode: z.int(),
  errorMessage: field(z.string(), 'What is wrong and what is allowed.'),
})

export type PathExampleRequest = z.output<typeof pathExampleRequestSchema>
export type BucketPolicy = z.output<typeof bucketPolicySchema>
