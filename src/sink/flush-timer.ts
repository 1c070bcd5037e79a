import type { Clock } from '../lib/clock.ts'
import { type FlushLimits, type FlushReason, flushDeadlineMs, flushReason, type SetSize } from './flush-policy.ts'

interface FlushTimerParts {
  readonly clock: Clock
  readonly limits: FlushLimits
}

/** Tells when the open set of a partition is due by time. */
export class FlushTimer {
  readonly #parts: FlushTimerParts
  readonly #due: (reason: FlushReason) => void
  #cancel: (() => void) | null = null

  constructor(parts: FlushTimerParts, due: (reason: FlushReason) => void) {
    this.#parts = parts
    this.#due = due
  }

  /** Nothing happens where it is armed already: a set is due no earlier for what it takes later. */
  arm(set: SetSize): void {
    if (this.#cancel !== null) return
    const { clock, limits } = this.#parts
    const deadlineMs = flushDeadlineMs(limits, set)
    if (deadlineMs === null) return
    // A machine's clock that is set back delays nothing: what was to come by then has come when the time has passed.
    const waitMs = Math.min(Math.max(0, deadlineMs - clock.now()), limits.intervalMs)
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = null
      const reason = flushReason(limits, set, Math.max(clock.now(), deadlineMs))
      if (reason) this.#due(reason)
      else this.arm(set)
    })
  }

  disarm(): void {
    this.#cancel?.()
    this.#cancel = null
  }
}
