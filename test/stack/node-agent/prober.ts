import type { Probe } from './pod.ts'
import type { ProbeResult } from './probe-check.ts'

/**
 * Turns single answers into a verdict: `failureThreshold` failures in a row, or `successThreshold` successes in a row.
 *
 * @returns the verdict of an answer, undefined while a threshold is not reached
 */
export function probeVerdicts({
  successThreshold = 1,
  failureThreshold = 3,
}: Probe): (ok: boolean) => boolean | undefined {
  let last: boolean | undefined
  let inARow = 0
  return (ok) => {
    inARow = ok === last ? inARow + 1 : 1
    last = ok
    return inARow >= (ok ? successThreshold : failureThreshold) ? ok : undefined
  }
}

export interface ProbeListener {
  /** After each single failure. */
  onFailure(message: string): void
  /** After each answer at or past a threshold. */
  onVerdict(healthy: boolean): void
}

/**
 * Asks every `periodSeconds`, first after `initialDelaySeconds`, never two at once.
 *
 * @returns a function that stops it; nothing is reported after that
 */
export function startProbe(probe: Probe, check: () => Promise<ProbeResult>, listener: ProbeListener): () => void {
  const verdictOf = probeVerdicts(probe)
  const periodMs = (probe.periodSeconds ?? 10) * 1000
  let stopped = false
  let timer = setTimeout(ask, (probe.initialDelaySeconds ?? 0) * 1000)

  async function ask(): Promise<void> {
    const askedAtMs = Date.now()
    const { ok, message } = await check()
    if (stopped) return
    if (!ok) listener.onFailure(message)
    const verdict = verdictOf(ok)
    timer = setTimeout(ask, Math.max(0, askedAtMs + periodMs - Date.now()))
    // Last: it may call the function that stops this probe.
    if (verdict !== undefined) listener.onVerdict(verdict)
  }

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
