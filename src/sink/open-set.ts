import type { Clock } from '../lib/clock.ts'
import type { FlushLimits, FlushReason } from './flush-policy.ts'
import { FlushTimer } from './flush-timer.ts'
import type { Plan } from './plan.ts'
import type { Tenure } from './record-source.ts'
import { RecordSet } from './set.ts'
import type { SinkStats } from './sink-stats.ts'
import type { SlabPool } from './slab-pool.ts'

export interface OpenSetParts {
  readonly plan: Plan
  readonly limits: FlushLimits
  readonly slabs: SlabPool
  readonly stats: SinkStats
  readonly clock: Clock
}

/** Why a set is to be closed, and since when, by `Clock.elapsed`. */
interface Due {
  readonly reason: FlushReason
  readonly atMs: number
}

/** What was read of a partition and is not closed yet: one set after another, each beginning where the one before it ended. */
export class OpenSet {
  readonly #tenure: Pick<Tenure, 'topic' | 'partition'>
  readonly #parts: OpenSetParts
  readonly #timer: FlushTimer
  #set: RecordSet | null = null
  /** Null while nothing asks for the set to be closed. */
  #due: Due | null = null

  /** @param onTime called when the set is due by time */
  constructor(tenure: Pick<Tenure, 'topic' | 'partition'>, parts: OpenSetParts, onTime: (reason: FlushReason) => void) {
    this.#tenure = tenure
    this.#parts = parts
    this.#timer = new FlushTimer(parts, onTime)
  }

  /** Null until it is known where to begin, and after `forget`. */
  get set(): RecordSet | null {
    return this.#set
  }

  /** Begins another set, in the place of one that was closed or has nothing. */
  begin(startOffset: bigint, plan = this.#parts.plan): void {
    const { topic, partition } = this.#tenure
    this.#set = new RecordSet(plan, topic, partition, startOffset, this.#parts.slabs)
  }

  /** To be called when records have come. */
  armTimer(): void {
    if (this.#set !== null) this.#timer.arm(this.#set)
  }

  /** Has the set closed by the next `cutIfDue`. The first reason counts. */
  ask(reason: FlushReason): void {
    this.#due ??= { reason, atMs: this.#parts.clock.elapsed() }
  }

  /** The set, if its closing was asked for and it has anything; the next one is open then. */
  cutIfDue(): { readonly set: RecordSet; readonly due: Due } | null {
    const [set, due] = [this.#set, this.#due]
    this.#due = null
    if (set === null || due === null || set.isUntouched) return null
    this.#timer.disarm()
    this.begin(set.endOffset)
    return { set, due }
  }

  /** Gives up what was read: this sink writes nothing of it. */
  forget(): void {
    this.#timer.disarm()
    if (this.#set !== null) this.#parts.stats.setAbandoned(this.#set.counts)
    this.#set?.release()
    this.#set = null
    this.#due = null
  }
}
