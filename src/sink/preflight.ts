import { type BackoffOptions, backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { whenAborted } from '../lib/lifecycle.ts'

const RETRY: BackoffOptions = { initialMs: 1_000, maxMs: 15_000 }

/** One thing that must be so before the sink joins its group. */
export interface Check {
  /** What a failure is about, for `status`. */
  readonly concern: string
  readonly run: (signal: AbortSignal) => Promise<void>
}

/**
 * Runs the checks in order until all hold, for ever with back-off: a member that joined a group only to find that it cannot write
 * would cost the others two rebalances. What fails is reported under its concern, null once it holds.
 *
 * @returns false when `signal` was aborted first
 */
export async function preflight(
  checks: readonly Check[],
  clock: Clock,
  signal: AbortSignal,
  report: (concern: string, error: string | null) => void,
): Promise<boolean> {
  for (const { concern, run } of checks) {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        // A broker that takes connections and says nothing is waited for longer than there is time for to end.
        await Promise.race([run(signal), whenAborted(signal)])
        if (!signal.aborted) report(concern, null)
        break
      } catch (error) {
        if (signal.aborted) break
        report(concern, describeError(error))
        await sleep(clock, backoffMs(failures, RETRY), signal)
      }
    }
  }
  return !signal.aborted
}
