import { DEFAULTS, defaultGroupId } from './defaults.ts'
import { defaultCompression } from './file-format.ts'
import { type KafkaAccess, kafkaAccessOf, sinkKafkaAccess } from './kafka-access.ts'
import { parseTemplate } from './path-template.ts'
import type { AnalyticsConnectorSpec } from './resource.ts'
import type { SinkConfig } from './sink-config.ts'
import { type TopicPatterns, topicPatternOf } from './topic-pattern.ts'
import {
  CUSTOM_PARTITION_DURATION,
  FLUSH_INTERVAL,
  FLUSH_MEMORY,
  FLUSH_SIZE,
  PART_SIZE,
  parseQuantity,
  type Quantity,
} from './units.ts'

/** What the operator (or `run`) knows that a resource leaves out. */
export interface OperatorDefaults {
  /** Value of `{realm}` in topic names and paths. */
  readonly realm: string
  readonly kafka: KafkaAccess
  readonly topicPatterns: TopicPatterns
  readonly bufferBytes?: number
}

/** A resource's spec that cannot become a configuration. The message names field, value and what is allowed. */
export class SpecError extends Error {
  override readonly name = 'SpecError'
}

/**
 * The complete configuration of a connector's sinks. Pure: the same input gives the same configuration, and so the same
 * revision.
 *
 * @throws {SpecError} for what the API server refuses too; seen only where a resource was stored under older rules
 */
export function resolveSinkConfig(
  { namespace, name, spec }: { namespace: string; name: string; spec: AnalyticsConnectorSpec },
  defaults: OperatorDefaults,
): SinkConfig {
  const { config, filter, kafka } = spec
  const { format = DEFAULTS.format, compression = defaultCompression(format) } = config
  return {
    connector: `${namespace}/${name}`,
    eventType: config.eventType,
    realm: defaults.realm,
    topicPattern: configuredPattern(config.eventType, defaults.topicPatterns),
    filter,
    kafka: {
      ...sinkKafkaAccess(failingAs('', () => kafkaAccessOf(kafka, defaults.kafka))),
      groupId: kafka?.groupId ?? defaultGroupId({ namespace, name }),
      startFrom: kafka?.startFrom ?? DEFAULTS.startFrom,
      epoch: kafka?.epoch ?? DEFAULTS.epoch,
    },
    s3: s3Of(config, `${namespace}.${name}`),
    format,
    compression,
    path: pathOf(config),
    flush: {
      intervalMs: quantityOf('flushInterval', FLUSH_INTERVAL, config.flushInterval),
      events: quantityOf('flushSize', FLUSH_SIZE, config.flushSize),
      bytes: quantityOf('flushMemory', FLUSH_MEMORY, config.flushMemory),
    },
    bufferBytes: defaults.bufferBytes ?? DEFAULTS.bufferBytes,
  }
}

type Config = AnalyticsConnectorSpec['config']

/**
 * @param sessionName names the connector; an AssumeRole session's name has at most 64 characters
 * @throws {SpecError} for authorities of an endpoint that shows no certificate: who names them believes that it does
 */
function s3Of(config: Config, sessionName: string): SinkConfig['s3'] {
  const { bucketName, region, endpoint, forcePathStyle, credentialsSecretRef, assumeRole, requestChecksumCalculation } =
    config
  if (config.tls && endpoint?.startsWith('http:'))
    throw new SpecError(
      `spec.config.tls: is not allowed: must be left out, or endpoint be https://, as ${endpoint} is not encrypted`,
    )
  return {
    bucketName,
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(config.tls?.caSecretRef === undefined ? {} : { authorities: 'mounted' as const }),
    forcePathStyle: forcePathStyle ?? endpoint !== undefined,
    partSizeBytes: quantityOf('partSize', PART_SIZE, config.partSize),
    credentials: credentialsSecretRef ? 'mounted' : 'default',
    ...(assumeRole === undefined ? {} : { assumeRole: { ...assumeRole, sessionName: sessionName.slice(0, 64) } }),
    ...(config.serverSideEncryption === undefined ? {} : { serverSideEncryption: config.serverSideEncryption }),
    ...(config.storageClass === undefined ? {} : { storageClass: config.storageClass }),
    requestChecksumCalculation: requestChecksumCalculation ?? DEFAULTS.requestChecksumCalculation,
  }
}

function pathOf(config: Config): SinkConfig['path'] {
  const { customPath = DEFAULTS.customPath, timestampSource = DEFAULTS.timestampSource } = config
  failingAs('config.', () => parseTemplate(customPath))
  return {
    template: customPath,
    partitionDurationMs: quantityOf(
      'customPartitionDuration',
      CUSTOM_PARTITION_DURATION,
      config.customPartitionDuration,
    ),
    timestampSource,
  }
}

function configuredPattern(eventType: string, patterns: TopicPatterns): string {
  const pattern = topicPatternOf(eventType, patterns)
  if (pattern === undefined)
    throw new SpecError(
      `spec.config.eventType: "${eventType}" has no topic pattern in the operator's configuration, which has: ${Object.keys(patterns).join(', ')}`,
    )
  return pattern
}

function quantityOf<F extends keyof Config & keyof typeof DEFAULTS>(
  fieldName: F,
  quantity: Quantity,
  value: string | number | undefined,
): number {
  return failingAs(`config.${fieldName}: `, () => parseQuantity(quantity, value ?? DEFAULTS[fieldName]))
}

function failingAs<T>(prefix: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new SpecError(`spec.${prefix}${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
