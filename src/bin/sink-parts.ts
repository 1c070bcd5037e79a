import type { Registry } from 'prom-client'
import type { SinkConfig } from '../contract/sink-config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { BodyEncoder } from '../sink/encode/body-encoder.ts'
import { checkKafkaAccess } from '../sink/kafka/access-check.ts'
import { connectionSecurity } from '../sink/kafka/connection-security.ts'
import { createKafkaSource } from '../sink/kafka/kafka-source.ts'
import { S3Store } from '../sink/s3-store.ts'
import { SecretFiles } from '../sink/secret-files.ts'
import type { SinkParts } from '../sink/sink.ts'
import { s3Metrics } from '../sink/sink-metrics.ts'

export interface SinkSurroundings {
  readonly config: SinkConfig
  readonly readRevision: (revision: string) => SinkConfig
  /** @throws Error naming a mounted revision that is damaged */
  readonly checkRevisions: () => void
  readonly credentialsDir: string
  readonly s3AuthoritiesDir: string
  /** Files of KAFKA_SECRET_FILES, as far as the configuration says that they are mounted. */
  readonly kafkaSecretsDir: string
  readonly clock: Clock
  readonly logger: Logger
  readonly registry: Registry
  readonly stalledAfterMs?: number
  /** How long Kafka waits for a sink that died without leaving before others take its partitions. */
  readonly sessionTimeoutMs: number
}

/**
 * While a sink that was killed is missed, the whole group stands still: the rebalance that its successor starts waits for
 * it. Shorter than Kafka's own 45 s, as heartbeats do not depend on what the sink is doing and expulsion costs work, not records.
 */
export const DEFAULT_SESSION_TIMEOUT_SECONDS = 15
/** What brokers know us by, in their logs and quotas. */
export const CLIENT_ID = 'analytics-connector'
const CHECK_TIMEOUTS = { connectTimeoutMs: 5_000, requestTimeoutMs: 10_000 }
/** Heartbeats in one session timeout: several may get lost. */
const HEARTBEATS_PER_SESSION = 10

/** The real Kafka and the real S3 for a configuration. */
export function sinkParts(surroundings: SinkSurroundings): SinkParts {
  const {
    config,
    checkRevisions,
    credentialsDir,
    s3AuthoritiesDir,
    kafkaSecretsDir,
    clock,
    logger,
    registry,
    sessionTimeoutMs,
  } = surroundings
  const security = connectionSecurity(config.kafka, new SecretFiles(kafkaSecretsDir), clock)
  return {
    ...surroundings,
    source: createKafkaSource({
      config: config.kafka,
      topics: () => config,
      security,
      clientId: CLIENT_ID,
      logger,
      clock,
      timings: { sessionTimeoutMs, heartbeatIntervalMs: sessionTimeoutMs / HEARTBEATS_PER_SESSION },
    }),
    store: new S3Store({
      s3: config.s3,
      credentialsDir,
      authoritiesDir: s3AuthoritiesDir,
      observer: s3Metrics(registry),
    }),
    encoder: new BodyEncoder(),
    checks: [
      { concern: 'configuration', run: async () => checkRevisions() },
      {
        concern: 'kafka',
        run: () =>
          checkKafkaAccess({
            ...config.kafka,
            ...CHECK_TIMEOUTS,
            topics: config,
            security,
            clientId: CLIENT_ID,
            logger,
          }),
      },
    ],
  }
}
