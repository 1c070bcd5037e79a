import type { AnalyticsConnectorStatus } from '../contract/resource.ts'
import type { Clock } from '../lib/clock.ts'
import { isSameStatus } from './status.ts'

/** Longer than a small rollout takes from one pod to the next, and short for a person who watches. */
const LONGEST_MS = 1_000

/** Conditions whose messages tell how far a rollout has come. */
const PROGRESS_CONDITIONS = ['Ready', 'Active', 'Reconciling']

/**
 * How far a rollout has come is written at most once a second for each connector: of four steps within half a second nobody sees more than the
 * last, and each would be a write to etcd that is sent to every watcher of connectors. A change of what is true (a condition, the published document,
 * the generation) is never held back.
 */
export class HeldProgress {
  readonly #clock: Pick<Clock, 'elapsed'>
  /** Since when something is held back, in milliseconds of the clock that never jumps. */
  readonly #heldSinceMs = new Map<string, number>()

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock
  }

  /** For how many milliseconds `next` may still wait; 0 when it is to be written now. */
  holdMs(key: string, previous: AnalyticsConnectorStatus | undefined, next: AnalyticsConnectorStatus): number {
    const nowMs = this.#clock.elapsed()
    const sinceMs = this.#heldSinceMs.get(key) ?? nowMs
    const leftMs = sinceMs + LONGEST_MS - nowMs
    if (leftMs <= 0 || !isOnlyProgress(previous, next)) {
      this.forget(key)
      return 0
    }
    this.#heldSinceMs.set(key, sinceMs)
    return leftMs
  }

  /** Nothing is to be held back any more: the status is as it should be, or the connector is gone. */
  forget(key: string): void {
    this.#heldSinceMs.delete(key)
  }
}

/** Whether two statuses on the way to what the spec asks for differ only in how far it has come. */
function isOnlyProgress(previous: AnalyticsConnectorStatus | undefined, next: AnalyticsConnectorStatus): boolean {
  return previous !== undefined && isOnItsWay(next) && isSameStatus(withoutProgress(previous), withoutProgress(next))
}

function isOnItsWay({ conditions = [] }: AnalyticsConnectorStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Reconciling' && status === 'True')
}

function withoutProgress(status: AnalyticsConnectorStatus): AnalyticsConnectorStatus {
  const conditions = (status.conditions ?? []).map((condition) =>
    PROGRESS_CONDITIONS.includes(condition.type) ? { ...condition, message: '' } : condition,
  )
  return { ...status, replicas: 0, conditions }
}
