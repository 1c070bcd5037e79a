import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { decodeCommitMetadata } from '../../src/sink/commit-metadata.ts'
import { KafkaSource } from '../../src/sink/kafka/kafka-source.ts'
import type { RecordSource, Tenure } from '../../src/sink/record-source.ts'
import { runSink } from '../../src/sink/run-sink.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { Sink, type SinkParts } from '../../src/sink/sink.ts'
import type { Design } from './design.ts'
import { REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './group-apis.ts'
import { countingKept } from './kept-partitions.ts'
import type { SimulatedBucket } from './simulated-bucket.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedCoordinator } from './simulated-coordinator.ts'
import { simulatedEncoder } from './simulated-encoder.ts'
import type { SimulatedLog } from './simulated-log.ts'
import { SimulatedReading } from './simulated-reading.ts'
import { type Fates, Life, type World } from './world.ts'

const DRAIN_TIMEOUT_MS = 25_000
const MOST_SKEW_MS = 2_000
const TIMINGS = {
  sessionTimeoutMs: SESSION_TIMEOUT_MS,
  heartbeatIntervalMs: SESSION_TIMEOUT_MS / 3,
  rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
}

/** What a simulated process runs on. */
export interface Surroundings {
  readonly world: World
  readonly coordinator: SimulatedCoordinator
  readonly logs: ReadonlyMap<number, SimulatedLog>
  readonly bucket: SimulatedBucket
  readonly kafkaFates: Fates
  readonly design: Design
  /** Every revision that is mounted. */
  readonly revisions: ReadonlyMap<string, SinkConfig>
  /** Larger bodies go up in parts. */
  readonly largestPutBytes: number
}

const silent = createLogger('silent')

/** One sink process: everything of `src/sink` but sockets and threads. */
export class SimulatedProcess {
  readonly life: Life
  readonly sink: Sink
  readonly #surroundings: Surroundings
  readonly #shutdown = new AbortController()
  #reading: SimulatedReading | null = null
  #hasEnded = false

  constructor(name: string, config: SinkConfig, surroundings: Surroundings) {
    const { world } = surroundings
    this.#surroundings = surroundings
    this.life = new Life(name)
    const parts = this.#parts(config, world.trace ? tracing(world, name) : silent)
    this.sink = new Sink(parts)
    world.note(name, `starts with revision ${this.sink.status().revision}`)
    void this.#run(parts)
  }

  /** Neither killed nor at its end. */
  get isRunning(): boolean {
    return !this.life.isDead && !this.#hasEnded
  }

  /** SIGTERM. */
  stop(): void {
    const { world } = this.#surroundings
    world.note(this.life.name, 'SIGTERM')
    world.schedule(0, 'SIGTERM', () => this.#shutdown.abort(), this.life)
  }

  #parts(config: SinkConfig, logger: SinkParts['logger']): SinkParts {
    const { world, bucket, design, revisions, largestPutBytes } = this.#surroundings
    const { life } = this
    const clock = world.clockOf(life, world.random.int(-MOST_SKEW_MS, MOST_SKEW_MS))
    const options = { s3: config.s3, credentialsDir: '', observer: { called: () => {} }, largestPutBytes }
    const store = new S3Store(options, bucket.clientOf(life), bucket.putOf(life))
    return {
      config,
      source: this.#source(config, { clock, logger }),
      store: design.store?.(store) ?? store,
      encoder: simulatedEncoder(world.random),
      readRevision: (revision) => {
        const found = revisions.get(revision)
        if (!found) throw new Error(`no revision ${revision}`)
        return found
      },
      checks: [],
      clock,
      logger,
      registry: new Registry(),
    }
  }

  #source(config: SinkConfig, parts: Pick<SinkParts, 'clock' | 'logger'>): RecordSource {
    const { world, coordinator, logs, kafkaFates: fates, design } = this.#surroundings
    const { life } = this
    const tampered = design.kafka?.() ?? ((send) => send)
    const counting = countingKept(world.tally, coordinator, () => this.#reading)
    const cluster = new SimulatedCluster({
      world,
      life,
      coordinator,
      logs,
      fates,
      tampered: (send) => counting(tampered(send)),
    })
    const source = new KafkaSource(
      { config: config.kafka, topics: () => config, clientId: life.name, timings: TIMINGS, ...parts },
      {
        cluster,
        readingFor: (problems) => {
          const { trustsLeaders = false } = design
          this.#reading = new SimulatedReading({
            ...{ world, life, clock: parts.clock, logs, fates, problems, trustsLeaders },
          })
          return this.#reading
        },
      },
    )
    const listening = design.listener?.() ?? ((listener) => listener)
    return {
      run: (listener) =>
        source.run(
          listening({
            ...listener,
            assigned: (tenure) => {
              this.#count(tenure)
              return listener.assigned(design.tenure?.(tenure) ?? tenure)
            },
          }),
        ),
      stop: (deadline) => source.stop(deadline),
      lag: () => source.lag(),
      readable: () => source.readable(),
      topicPartitions: () => source.topicPartitions(),
    }
  }

  /** What is to be proven happens when a tenure begins with the set of another. */
  #count({ partition, committed }: Tenure): void {
    const { world, logs } = this.#surroundings
    const found = decodeCommitMetadata(committed.metadata)
    if (found.kind !== 'intent') return
    world.tally.add('sets of an earlier owner found')
    if (found.intent.revision !== this.sink.status().revision) world.tally.add('… under another configuration')
    if ((logs.get(partition)?.startOffset ?? 0n) > committed.offset) world.tally.add('… of which records had expired')
  }

  async #run(parts: SinkParts): Promise<void> {
    await runSink(this.sink, parts, this.#shutdown.signal, DRAIN_TIMEOUT_MS)
    this.#hasEnded = true
    this.#surroundings.world.note(this.life.name, `ends: ${JSON.stringify(this.sink.status().records)}`)
  }
}

/** The process's own log as part of the trace. */
function tracing(world: World, name: string) {
  const write = (line: string) => world.note(name, line.trim())
  return pino({ level: 'debug', base: null, timestamp: false, formatters: { level: () => ({}) } }, { write })
}
