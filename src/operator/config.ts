import * as z from 'zod'
import { bootstrapServers, installFields, parseConfigFile } from '../contract/install-config.ts'
import { kafkaSaslSchema, kafkaTlsSchema, saslNeedsTls } from '../contract/kafka-fields.ts'
import { quantity } from '../contract/pod-fields.ts'

const seconds = (min: number, max: number) => z.number().min(min).max(max)
export const quantities = z.record(z.string(), quantity(z.number()).transform(String))
/** The operator's configuration file. Every value is checked and bounded here, nothing below reads it again. */
export const operatorConfigSchema = z.strictObject({
  ...installFields,
  /** The Kafka cluster of connectors that name none. */
  kafka: z
    .strictObject({
      bootstrapServers,
      /** As `spec.kafka.tls` and `.sasl`. A pod mounts Secrets of its own namespace only: they must be in each connector's. */
      tls: kafkaTlsSchema.optional(),
      sasl: kafkaSaslSchema.optional(),
    })
    .refine(saslNeedsTls.holds, { error: saslNeedsTls.allowed }),
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
  /** Connectors reconciled at the same time. */
  concurrency: z.int().min(1).max(256).default(16),
  /** Between two questions to a pod for its status: while it is changing, and while it delivers or stays silent. */
  statusPollSeconds: z
    .strictObject({ changing: seconds(0.1, 60).default(1), steady: seconds(0.1, 600).default(10) })
    .default({ changing: 1, steady: 10 }),
})

export type OperatorConfig = z.infer<typeof operatorConfigSchema>

/** Reads the operator's configuration file; see `parseConfigFile`. */
export function parseOperatorConfig(text: string, name: string): OperatorConfig {
  return parseConfigFile(operatorConfigSchema, text, name)
}
