import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks again until `check` stops throwing; then returns what it returned.
 * @param withinMs after that long, the last error is thrown with the time that was given
 */
export async function eventually<T>(withinMs: number, check: () => Promise<T> | T, everyMs = 250): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() >= end) {
        throw new Error(`not so within ${withinMs / 1000} s: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        })
      }
    }
    await delay(everyMs)
  }
}
