import type { Container, Probe } from './pod.ts'
import { checkProbe, type ProbeTarget } from './probe-check.ts'
import { startProbe } from './prober.ts'

export interface ProbeEffects {
  /** @param ready already, because no readiness probe decides it */
  setStarted(ready: boolean): void
  setReady(ready: boolean): void
  /** The container must be restarted: its startup or liveness probe failed. */
  restart(kind: 'startup' | 'liveness', probe: Probe): void
  unhealthy(message: string): void
}

/**
 * Runs the probes of one started container: the startup probe first, then liveness and readiness together. Without a startup probe
 * it is started at once, without a readiness probe it is ready as soon as it is started.
 *
 * @returns a function that stops them all
 */
export function startContainerProbes(container: Container, target: ProbeTarget, effects: ProbeEffects): () => void {
  const stops: (() => void)[] = []
  const { startupProbe, livenessProbe, readinessProbe } = container
  const begin = (word: string, probe: Probe, onVerdict: (healthy: boolean) => void) => {
    const onFailure = (message: string) => effects.unhealthy(`${word} probe failed: ${message}`)
    const stop = startProbe(probe, () => checkProbe(probe, target), { onFailure, onVerdict })
    stops.push(stop)
    return stop
  }
  const started = () => {
    effects.setStarted(!readinessProbe)
    if (readinessProbe) begin('Readiness', readinessProbe, effects.setReady)
    if (livenessProbe)
      begin('Liveness', livenessProbe, (healthy) => healthy || effects.restart('liveness', livenessProbe))
  }
  if (startupProbe) {
    const stop = begin('Startup', startupProbe, (healthy) => {
      stop()
      if (healthy) started()
      else effects.restart('startup', startupProbe)
    })
  } else started()
  return () => {
    for (const stop of stops) stop()
  }
}
