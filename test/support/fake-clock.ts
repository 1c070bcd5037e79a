import type { Clock } from '../../src/lib/clock.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #nowMs: number
  /** What the machine's clock was set to is ahead of what has passed. */
  #setMs = 0
  readonly #timers = new Set<Timer>()

  constructor(nowMs = Date.parse('2026-03-01T12:00:00Z')) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs + this.#setMs
  }

  /** Somebody sets the machine's clock; no time passes. */
  set(byMs: number): void {
    this.#setMs += byMs
  }

  elapsed(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Goes on by `ms`, running what comes due in order and letting everything settle after each timer. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      await settled()
      const due = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.callback()
    }
    this.#nowMs = untilMs
    await settled()
  }
}

/** Lets every promise that can settle without time or input do so, also behind one turn that is left to others (src/lib/turns.ts). */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
