import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { runSink } from '../../src/sink/run-sink.ts'
import { Sink, type SinkParts } from '../../src/sink/sink.ts'
import type { Design } from './design.ts'
import type { SimulatedBucket } from './simulated-bucket.ts'
import type { SimulatedGroup } from './simulated-group.ts'
import type { SimulatedLog } from './simulated-log.ts'
import { SimulatedSource } from './simulated-source.ts'
import { type Fates, Life, type World } from './world.ts'

const DRAIN_TIMEOUT_MS = 25_000
const MOST_SKEW_MS = 2_000

/** What a simulated process runs on. */
export interface Surroundings {
  readonly world: World
  readonly group: SimulatedGroup
  readonly logs: ReadonlyMap<number, SimulatedLog>
  readonly bucket: SimulatedBucket
  readonly kafkaFates: Fates
  readonly design: Design
  /** Every revision that is mounted. */
  readonly revisions: ReadonlyMap<string, SinkConfig>
}

const silent = createLogger('silent')

/** One sink process: everything of `src/sink` but its clients of Kafka and S3. */
export class SimulatedProcess {
  readonly life: Life
  readonly sink: Sink
  readonly #world: World
  readonly #shutdown = new AbortController()
  #hasEnded = false

  constructor(name: string, config: SinkConfig, surroundings: Surroundings) {
    const { world, bucket, design, revisions } = surroundings
    this.#world = world
    this.life = new Life(name)
    const clock = world.clockOf(this.life, world.random.int(-MOST_SKEW_MS, MOST_SKEW_MS))
    const store = bucket.storeOf(this.life)
    const parts: SinkParts = {
      config,
      source: new SimulatedSource({ ...surroundings, life: this.life, clock, fates: surroundings.kafkaFates }),
      store: design.store?.(store) ?? store,
      encoder: { encode: async (lines) => lines },
      readRevision: (revision) => {
        const found = revisions.get(revision)
        if (!found) throw new Error(`no revision ${revision}`)
        return found
      },
      checks: [],
      clock,
      logger: world.trace ? tracing(world, name) : silent,
      registry: new Registry(),
    }
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
    this.#world.note(this.life.name, 'SIGTERM')
    this.#world.schedule(0, 'SIGTERM', () => this.#shutdown.abort(), this.life)
  }

  async #run(parts: SinkParts): Promise<void> {
    await runSink(this.sink, parts, this.#shutdown.signal, DRAIN_TIMEOUT_MS)
    this.#hasEnded = true
    this.#world.note(this.life.name, `ends: ${JSON.stringify(this.sink.status().records)}`)
  }
}

/** The process's own log as part of the trace. */
function tracing(world: World, name: string) {
  const write = (line: string) => world.note(name, line.trim())
  return pino({ level: 'debug', base: null, timestamp: false, formatters: { level: () => ({}) } }, { write })
}
