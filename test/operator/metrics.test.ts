import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import type { AnalyticsConnectorStatus } from '../../src/contract/resource.ts'
import { requestCounter } from '../../src/kube/request-counter.ts'
import type { Keeping } from '../../src/operator/group-tasks.ts'
import { createOperatorMetrics, registerSources, stateOf } from '../../src/operator/metrics.ts'
import { statusOf } from '../../src/operator/status.ts'
import { aSituation, aSpec, NOW, OWNER } from './builders.ts'

it('has the names and labels that dashboards for controllers expect', async () => {
  const registry = new Registry()
  const metrics = createOperatorMetrics(registry)
  const states = [1, 2, 3].map((n) => ({
    connector: `games/${n}`,
    status: 'ACTIVE',
    isReady: n === 1,
    lostOffsets: 7 * n,
    areOffsetsKept: [undefined, true, false][n - 1],
  }))
  registerSources(
    registry,
    {
      queueDepth: () => 4,
      longestWorkMs: () => 500,
      unfinishedWorkMs: () => 700,
      activeWorkers: () => 2,
      concurrency: 16,
      isLeader: () => true,
      connectors: () => states,
    },
    'lease',
  )
  requestCounter(registry, '10.96.0.1:443')('GET', '200')
  metrics.reconciled('error', 0.2)
  metrics.queue.added()
  metrics.queue.taken(30)
  metrics.queue.finished(20)
  metrics.queue.retried()
  const lines = (await registry.metrics()).split('\n')
  for (const line of [
    'controller_runtime_reconcile_total{controller="analyticsconnector",result="error"} 1',
    'controller_runtime_reconcile_errors_total{controller="analyticsconnector"} 1',
    'controller_runtime_reconcile_time_seconds_sum{controller="analyticsconnector"} 0.2',
    'workqueue_adds_total{name="analyticsconnector"} 1',
    'workqueue_retries_total{name="analyticsconnector"} 1',
    'workqueue_queue_duration_seconds_sum{name="analyticsconnector"} 0.03',
    'workqueue_work_duration_seconds_sum{name="analyticsconnector"} 0.02',
    'workqueue_depth{name="analyticsconnector"} 4',
    'workqueue_longest_running_processor_seconds{name="analyticsconnector"} 0.5',
    'workqueue_unfinished_work_seconds{name="analyticsconnector"} 0.7',
    'controller_runtime_active_workers{controller="analyticsconnector"} 2',
    'controller_runtime_max_concurrent_reconciles{controller="analyticsconnector"} 16',
    'rest_client_requests_total{method="GET",code="200",host="10.96.0.1:443"} 1',
    'leader_election_master_status{name="lease"} 1',
    'analytics_connector_connectors{status="ACTIVE"} 3',
    'analytics_connector_status{connector="games/2",status="ACTIVE"} 1',
    'analytics_connector_ready{connector="games/1"} 1',
    'analytics_connector_ready{connector="games/2"} 0',
    'analytics_connector_lost_offsets{connector="games/2"} 14',
    'analytics_connector_offsets_kept{connector="games/2"} 1',
    'analytics_connector_offsets_kept{connector="games/3"} 0',
  ]) {
    expect(lines).toContain(line)
  }
  expect(lines.filter((line) => line.startsWith('analytics_connector_offsets_kept{'))).toHaveLength(2)
  states.length = 0
  expect(await registry.metrics()).not.toContain('status="ACTIVE"')
})

const connector = (generation: number, status: AnalyticsConnectorStatus = statusOf(aSituation({ generation: 3 }))) =>
  stateOf({
    apiVersion: 'analytics-connector.io/v1alpha1',
    kind: 'AnalyticsConnector',
    metadata: { ...OWNER, generation },
    spec: aSpec(),
    status,
  })

it('tells of a connector at rest whether its offsets are kept, which is not known to be otherwise before the first renewal', () => {
  const keptOf = (keeping: Partial<Keeping>) => {
    const sinceMs = NOW - 3 * 86_400_000
    const situation = { keeping: { sinceMs, renewedAt: undefined, failure: undefined, ...keeping } }
    return connector(3, statusOf(aSituation({ active: false, replicas: 0, pods: [], ...situation }))).areOffsetsKept
  }
  expect(keptOf({ sinceMs: NOW })).toBe(true)
  expect(keptOf({ renewedAt: new Date(NOW).toISOString() })).toBe(true)
  expect(keptOf({ failure: 'no broker' })).toBe(false)
  expect(keptOf({})).toBe(false)
  expect(connector(3).areOffsetsKept).toBeUndefined()
})

it('takes no connector for ready whose newest spec nobody has looked at yet, as where each pass over it fails', () => {
  const ready = {
    connector: 'games/events',
    status: 'ACTIVE',
    isReady: true,
    lostOffsets: 0,
    areOffsetsKept: undefined,
  }
  expect(connector(3)).toEqual(ready)
  expect(connector(4)).toEqual({ ...ready, isReady: false })
  expect(connector(1, { observedGeneration: -1 })).toEqual({ ...ready, status: '', isReady: false })
})
