import { type MetricObject, Registry } from 'prom-client'
import { createHttpMetrics } from '../../src/admin/http-metrics.ts'
import { requestCounter } from '../../src/kube/request-counter.ts'
import { createRegistry } from '../../src/lib/metrics.ts'
import { createOperatorMetrics, registerSources } from '../../src/operator/metrics.ts'
import {
  commitMetrics,
  deliveryMetrics,
  registerGauges,
  registerStats,
  s3Metrics,
} from '../../src/sink/sink-metrics.ts'
import { SinkStats } from '../../src/sink/sink-stats.ts'

export interface ExposedMetric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

export type Program = 'sink' | 'operator' | 'admin'

/** Sources that make metrics; a test finds one that is missing here. */
export const METRIC_SOURCES = [
  'src/admin/http-metrics.ts',
  'src/kube/request-counter.ts',
  'src/operator/metrics.ts',
  'src/sink/sink-metrics.ts',
]

/** Every metric that each program exposes beside those of every process, by the code that registers them. */
export function exposedMetrics(): Readonly<Record<Program, readonly ExposedMetric[]>> {
  const [sink, operator, admin] = [new Registry(), new Registry(), new Registry()]
  registerStats(sink, new SinkStats())
  registerGauges(sink, new SinkStats(), {
    bufferedBytes: () => 0,
    lag: () => 0,
    partitions: () => 0,
    isActive: () => true,
  })
  s3Metrics(sink)
  commitMetrics(sink)
  deliveryMetrics(sink)
  createOperatorMetrics(operator)
  registerSources(
    operator,
    {
      queueDepth: () => 0,
      longestWorkMs: () => 0,
      unfinishedWorkMs: () => 0,
      activeWorkers: () => 0,
      concurrency: 1,
      isLeader: () => true,
      connectors: () => [],
    },
    'lease',
  )
  requestCounter(operator, 'host')
  createHttpMetrics(admin)
  requestCounter(admin, 'host')
  return { sink: metricsOf(sink), operator: metricsOf(operator), admin: metricsOf(admin) }
}

/** Names of the metrics of every process: its CPU, memory and event loop. */
export function processMetrics(): string[] {
  return createRegistry()
    .getMetricsAsArray()
    .map(({ name }) => name)
}

function metricsOf(registry: Registry): ExposedMetric[] {
  // The library's type leaves the label names out.
  const metrics = registry.getMetricsAsArray() as (MetricObject & { labelNames?: readonly string[] })[]
  return metrics
    .map(({ name, type, help, labelNames = [] }) => ({ name, type: String(type), help, labels: labelNames }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
