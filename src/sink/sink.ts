import type { Registry } from 'prom-client'
import type { SinkConfig } from '../contract/sink-config.ts'
import type { SinkStatus } from '../contract/sink-status.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { checkBucket } from './bucket-check.ts'
import { ByteBudget } from './byte-budget.ts'
import type { Encoder } from './encode/body-encoder.ts'
import type { ObjectStore } from './object-store.ts'
import { ObjectWriter } from './object-writer.ts'
import { OrphanedUploads } from './orphaned-uploads.ts'
import { compilePlan } from './plan.ts'
import type { Check } from './preflight.ts'
import type { RecordSource, SourceListener } from './record-source.ts'
import { sinkListener } from './sink-listener.ts'
import { commitMetrics, deliveryMetrics, registerGauges, registerStats } from './sink-metrics.ts'
import { SinkStats } from './sink-stats.ts'
import { SlabPool } from './slab-pool.ts'
import { StalledError, StallWatch } from './stall-watch.ts'
import { SinkHealth } from './status.ts'

export interface SinkParts {
  readonly config: SinkConfig
  readonly source: RecordSource
  readonly store: ObjectStore
  readonly encoder: Encoder
  /** The configuration of any mounted revision. @throws Error where it cannot be read */
  readonly readRevision: (revision: string) => SinkConfig
  /** The process ends when records wait and none was read for so long, for no known reason. Default: five minutes. */
  readonly stalledAfterMs?: number
  /** What must hold beside the bucket before the group is joined. */
  readonly checks: readonly Check[]
  readonly clock: Clock
  readonly logger: Logger
  readonly registry: Registry
}

/** Of the memory for records, as much is kept for good: readers exceed their limit by a batch each, and slabs are not full. */
const KEPT = 5 / 4
/** Objects of one set: each takes memory however small it is, and all of them are written between one intent and its end. */
const MOST_OBJECTS_A_SET = 500

/** A sink put together from its parts, not yet doing anything. */
export class Sink {
  readonly health: SinkHealth
  readonly listener: SourceListener
  /** What must hold before the group is joined. */
  readonly checks: readonly Check[]
  readonly #parts: SinkParts
  readonly #revision: string
  readonly #stats = new SinkStats()
  readonly #budget: ByteBudget
  readonly #stallWatch: StallWatch

  /** @throws {PathTemplateError} for a configuration that the resource's validation would have refused */
  constructor(parts: SinkParts) {
    const { config, source, store, encoder, clock, logger, registry, readRevision } = parts
    const plan = compilePlan(config)
    this.#parts = parts
    this.#revision = plan.revision
    this.#budget = new ByteBudget(config.bufferBytes)
    this.health = new SinkHealth(clock)
    this.#stallWatch = new StallWatch(parts.stalledAfterMs)
    const check = (signal: AbortSignal) => checkBucket(store, config, signal)
    this.checks = [...parts.checks, { concern: 'bucket', run: check }]
    this.listener = sinkListener({
      config,
      plan,
      readPlan: (revision) => compilePlan(readRevision(revision)),
      health: this.health,
      limits: { ...config.flush, objects: MOST_OBJECTS_A_SET },
      budget: this.#budget,
      slabs: new SlabPool(config.bufferBytes * KEPT),
      writer: new ObjectWriter({ store, encoder, clock, logger, connector: config.connector, checkBucket: check }),
      orphans: new OrphanedUploads({ store, stats: this.#stats, clock, logger }),
      stats: this.#stats,
      clock,
      logger,
      committed: commitMetrics(registry),
      timings: deliveryMetrics(registry),
    })
    registerStats(registry, this.#stats)
    registerGauges(registry, this.#stats, {
      bufferedBytes: () => this.#budget.usedBytes,
      lag: () => source.lag(),
      partitions: () => this.health.partitions,
      isActive: () => this.isActive(),
    })
  }

  status(): SinkStatus {
    return this.health.status(this.#parts.config, this.#revision, this.#stats, this.#parts.source)
  }

  isActive(): boolean {
    return this.health.state.state === 'ACTIVE'
  }

  /** To be called now and then. @throws StalledError when a new process is the only cure left */
  checkProgress(): void {
    const { source, clock } = this.#parts
    // A slow S3 is no reason to rebalance; its calls end by themselves.
    const isHeldUp = !this.isActive() || this.#budget.isExceeded || this.#budget.isWriting
    const lag = source.readable()
    if (this.#stallWatch.isStalled({ read: this.#stats.read, lag, isHeldUp }, clock.elapsed()))
      throw new StalledError(lag ?? 0, this.#stallWatch.stalledAfterMs)
  }
}
