import type { SinkConfig } from '../contract/sink-config.ts'
import type { SinkStatus } from '../contract/sink-status.ts'
import type { Clock } from '../lib/clock.ts'
import type { LostRange } from './lost-ranges.ts'
import type { RecordSource } from './record-source.ts'
import type { SinkStats } from './sink-stats.ts'

export interface HealthFacts {
  readonly isStopping: boolean
  /** Whether an assignment of the group is in place. */
  readonly hasJoined: boolean
  /** What is wrong now, by what it concerns, oldest first. */
  readonly problems: ReadonlyMap<string, string>
}

/** What the source knows. */
type Reading = Pick<RecordSource, 'lag' | 'topicPartitions'>

export type SinkState = Pick<SinkStatus, 'state' | 'error'>

/** The state that the facts amount to. The oldest problem is shown: what broke first is most often the cause of the rest. */
export function stateOf({ isStopping, hasJoined, problems }: HealthFacts): SinkState {
  if (isStopping) return { state: 'STOPPING', error: null }
  const [error] = problems.values()
  if (error !== undefined) return { state: 'FAILED', error }
  return { state: hasJoined ? 'ACTIVE' : 'STARTING', error: null }
}

/** Gathers what the parts of the sink know and tells it as one status. */
export class SinkHealth {
  readonly #clock: Clock
  readonly #problems = new Map<string, string>()
  #isStopping = false
  #isUnfinished = false
  #hindrance: string | null = null
  #partitions: number | null = null
  #state: SinkState = { state: 'STARTING', error: null }
  #sinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  get state(): SinkState {
    return this.#state
  }

  get partitions(): number {
    return this.#partitions ?? 0
  }

  /** @param concern what the error is about; a concern has one error at a time, null for none */
  problem(concern: string, error: string | null): void {
    if (error === null) this.#problems.delete(concern)
    else this.#problems.set(concern, error)
    this.#update()
  }

  settled(partitions: number): void {
    this.#partitions = partitions
    this.#update()
  }

  stopping(): void {
    this.#isStopping = true
    this.#update()
  }

  /** To be called when a partition is given up before all that was promised of it is written. */
  unfinished(): void {
    if (!this.#isStopping) return
    this.#isUnfinished = true
    this.#hindrance ??= [...this.#problems.values()][0] ?? null
  }

  /** Whether that happened while the sink stopped. */
  get isUnfinished(): boolean {
    return this.#isUnfinished
  }

  /** What was wrong then, null where nothing was known to be: a partition that is given up has no problem any more. */
  get hindrance(): string | null {
    return this.#hindrance
  }

  status(config: Pick<SinkConfig, 'connector'>, revision: string, stats: SinkStats, source: Reading): SinkStatus {
    return {
      connector: config.connector,
      revision,
      ...this.#state,
      since: new Date(this.#sinceMs).toISOString(),
      partitions: this.partitions,
      topicPartitions: source.topicPartitions(),
      lag: source.lag(),
      records: {
        read: stats.read - stats.abandoned,
        delivered: stats.delivered,
        rejected: stats.rejectedTotal,
        filtered: stats.filtered,
      },
      objects: stats.objects,
      bytes: stats.bytes,
      lost: { offsets: stats.lost.offsets, ranges: stats.lost.newest.map(shownRange) },
    }
  }

  #update(): void {
    const hasJoined = this.#partitions !== null
    const next = stateOf({ isStopping: this.#isStopping, hasJoined, problems: this.#problems })
    if (next.state === this.#state.state && next.error === this.#state.error) return
    this.#state = next
    this.#sinceMs = this.#clock.now()
  }
}

function shownRange({ topic, partition, from, to, atMs }: LostRange): SinkStatus['lost']['ranges'][number] {
  return {
    topic,
    partition,
    from: String(from),
    to: String(to),
    at: new Date(atMs).toISOString(),
    reason: 'expired',
  }
}
