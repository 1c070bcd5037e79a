import { collectDefaultMetrics, Registry } from 'prom-client'
import type { HttpAnswer } from './http-server.ts'

/** A registry of its own for each process part, with the process's CPU, memory and event-loop metrics (`process_*`, `nodejs_*`). */
export function createRegistry(labels: Record<string, string> = {}): Registry {
  const register = new Registry()
  register.setDefaultLabels(labels)
  collectDefaultMetrics({ register })
  return register
}

/** The registry in Prometheus' text format, as `/metrics` answers. */
export async function metricsAnswer(registry: Registry): Promise<HttpAnswer> {
  return { status: 200, contentType: registry.contentType, body: await registry.metrics() }
}
