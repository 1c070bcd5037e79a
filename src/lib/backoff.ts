export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
}

/**
 * Exponential back-off with full jitter in its upper half: attempt 0 waits initialMs/2 … initialMs, each further attempt
 * twice that, never more than maxMs.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog ("equal jitter").
 *
 * @param attempt failures before this one, from 0
 * @returns milliseconds
 */
export function backoffMs(attempt: number, { initialMs, maxMs }: BackoffOptions, random = Math.random): number {
  const ceiling = Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30))
  return ceiling / 2 + random() * (ceiling / 2)
}
