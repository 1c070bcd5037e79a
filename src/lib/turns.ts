import type { Clock } from './clock.ts'

/** Milliseconds. A probe is answered and a lease renewed between two turns. */
const TURN_MS = 10

/**
 * For a loop over thousands of things that awaits nothing else: what is returned, called and awaited in each round, lets everything else have its
 * turn when the loop has had the process for itself for TURN_MS.
 */
export function turns(clock: Pick<Clock, 'elapsed'>): () => Promise<void> {
  let begunMs = clock.elapsed()
  return async () => {
    if (clock.elapsed() - begunMs < TURN_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    begunMs = clock.elapsed()
  }
}
