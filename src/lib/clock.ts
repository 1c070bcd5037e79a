/** Time as the sink and the operator use it, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds since the epoch; jumps when the machine's clock is set. For times that are told, never for durations. */
  now(): number
  /** Milliseconds since some moment; never jumps. For durations. */
  elapsed(): number
  /** Runs `callback` once after `delayMs`, 25 days at the latest; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

/** Milliseconds; what is more makes a timer of Node.js go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(delayMs, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
