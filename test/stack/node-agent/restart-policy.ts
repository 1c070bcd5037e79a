import type { RestartPolicy } from './pod.ts'

/** A tenth of the kubelet's 10 s to 5 min, so that a test of a crash loop takes seconds. */
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 30_000
/** A container that ran this long has recovered: the back-off starts anew (a kubelet: twice its longest back-off too). */
const RECOVERED_MS = 2 * MAX_BACKOFF_MS

/** Whether a container that ended runs again. */
export function restarts(policy: RestartPolicy | undefined, exitCode: number): boolean {
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never'
}

/** How long a container waits before its next start: not at all the first time, then 1 s doubling to 30 s. */
export class CrashBackoff {
  #delayMs = 0

  /** @param ranMs how long the container ran this time */
  next(ranMs: number): number {
    if (ranMs >= RECOVERED_MS) this.#delayMs = 0
    const delayMs = this.#delayMs
    this.#delayMs = delayMs === 0 ? FIRST_BACKOFF_MS : Math.min(2 * delayMs, MAX_BACKOFF_MS)
    return delayMs
  }
}
