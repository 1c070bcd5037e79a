import { Registry } from 'prom-client'
import { revisionOf, type SinkConfig } from '../../src/contract/sink-config.ts'
import { createLogger, type Logger } from '../../src/lib/logger.ts'
import { BodyEncoder } from '../../src/sink/encode/body-encoder.ts'
import { preflight } from '../../src/sink/preflight.ts'
import { Sink } from '../../src/sink/sink.ts'
import type { FakeBucket } from './fake-bucket.ts'
import { FakeClock, settled } from './fake-clock.ts'
import { Fate } from './fate.ts'
import { ScriptedSource, TOPIC } from './scripted-source.ts'

type Overrides = Partial<SinkConfig> & { readonly template?: string }

const S3_DEFAULTS = {
  partSizeBytes: 5_242_880,
  credentials: 'default',
  requestChecksumCalculation: 'when_supported',
} as const

/** A bucket on a server of the tests. */
export function localBucket(bucketName: string, region: string, endpoint: string): SinkConfig['s3'] {
  return { bucketName, region, endpoint, forcePathStyle: true, ...S3_DEFAULTS }
}

/** A group of its own on brokers of the tests, from the beginning of its topics. */
export function localKafka(bootstrapServers: string, groupId: string): SinkConfig['kafka'] {
  return { bootstrapServers: bootstrapServers.split(','), groupId, startFrom: 'earliest', epoch: 0 }
}

export function sinkConfig({
  template = 'events/{eventName}/{hh}{mm}.json',
  ...overrides
}: Overrides = {}): SinkConfig {
  return {
    connector: 'games/game-events',
    eventType: 'game_telemetry',
    realm: 'dev',
    topicPattern: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
    filter: { acme: [TOPIC] },
    kafka: { bootstrapServers: ['kafka:9092'], groupId: 'games', startFrom: 'earliest', epoch: 0 },
    s3: { bucketName: 'acme-events', region: 'us-west-2', forcePathStyle: false, ...S3_DEFAULTS },
    format: 'ndjson',
    compression: 'none',
    path: { template, partitionDurationMs: 900_000, timestampSource: 'record' },
    flush: { intervalMs: 60_000, events: 1_000, bytes: 1_000_000 },
    bufferBytes: 10_000_000,
    ...overrides,
  }
}

/** A game-telemetry event as a line of JSON. */
export function event(id: number, { namespace = 'acme', name = 'login' } = {}): string {
  return JSON.stringify({ EventId: id, EventNamespace: namespace, EventName: name, Payload: { n: id } })
}

/** Events `from` up to and without `to`. */
export function events(from: number, to: number, options = {}): string[] {
  return Array.from({ length: to - from }, (_, i) => event(from + i, options))
}

/** At no edge of a time partition: what is begun there is flushed for that, soon. */
const clockInAPartition = () => new FakeClock(Date.parse('2026-03-01T12:05:00Z'))

/** A sink on a bucket in memory and a scripted Kafka, joined to its group. */
export class SinkProcess {
  readonly clock: FakeClock
  readonly source: ScriptedSource
  readonly sink: Sink

  constructor(
    bucket: FakeBucket,
    options: { config?: SinkConfig; older?: SinkConfig[]; fate?: Fate; clock?: FakeClock; logger?: Logger } = {},
  ) {
    const { config = sinkConfig(), older = [], fate = new Fate(), clock = clockInAPartition() } = options
    const { logger = createLogger('silent') } = options
    const revisions = new Map([config, ...older].map((each) => [revisionOf(each), each]))
    this.clock = clock
    this.source = new ScriptedSource(fate)
    this.sink = new Sink({
      config,
      source: this.source,
      store: bucket.store(fate),
      encoder: new BodyEncoder(),
      readRevision: (revision) => {
        const found = revisions.get(revision)
        if (!found) throw new Error(`no revision ${revision}`)
        return found
      },
      checks: [],
      clock,
      logger,
      registry: new Registry(),
    })
    void this.source.run(this.sink.listener)
    this.sink.listener.settled(1)
  }

  /** Runs timers and promises until the sink has nothing more to do at this moment. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await settled()
  }

  get stats() {
    return this.sink.status().records
  }

  preflight(signal = new AbortController().signal): Promise<boolean> {
    return preflight(this.sink.checks, this.clock, signal, (concern, error) => this.sink.health.problem(concern, error))
  }
}
