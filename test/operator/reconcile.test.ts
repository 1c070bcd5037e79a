import { describe, expect, it } from 'vitest'
import { ID_LABEL } from '../../src/contract/names.ts'
import type { Connector } from '../../src/kube/connector-ids.ts'
import { CONNECTORS, CRON_JOBS, DEPLOYMENTS, type Deployment, PODS } from '../../src/kube/kinds.ts'
import { Applier } from '../../src/operator/apply.ts'
import { reconcile } from '../../src/operator/reconcile.ts'
import { aKubePod, aSpec, says } from './builders.ts'
import { KEY, revisionOf, rollOut, SINK_KEY, setUp, setUpDelivering } from './set-up.ts'

describe('reconcile', () => {
  it('makes exactly what a connector needs', async () => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    const { writes } = await pass()
    expect(cluster.names()).toEqual([
      `ConfigMap events-sink-${revisionOf(cluster)}`,
      'Deployment events-sink',
      'ServiceAccount events-sink',
    ])
    expect(writes).toEqual([
      'apply ConfigMap',
      'apply ServiceAccount',
      'apply Deployment',
      'apply AnalyticsConnector/status',
    ])
  })

  it('tells the id that the connector has', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    await pass()
    expect(status()?.id).toBe(1)
  })

  it('gives the id and tells of it in one pass, and the next knows of both before the watch has told', async () => {
    const { cluster, parts, status } = setUp()
    cluster.addConnector()
    const unseen = cluster.connector()
    const caches = { ...cluster.caches, connectors: { ...cluster.caches.connectors, get: () => unseen } }
    const asked: Connector[] = []
    const ensure = async (connector: Connector) => {
      asked.push(connector)
      if (asked.length > 1) return { id: 2, connector }
      return { id: 2, connector: cluster.put(CONNECTORS, labelled(connector, '2')) }
    }
    await reconcile(KEY, { ...parts, caches, ids: { ensure } })
    expect(status()?.id).toBe(2)
    cluster.writes.length = 0
    await reconcile(KEY, { ...parts, caches, ids: { ensure } })
    expect(cluster.writes).toEqual([])
    expect(asked[1]).toMatchObject({ metadata: { labels: { [ID_LABEL]: '2' } }, status: { id: 2 } })
  })

  it('leaves the status to a pass that has seen what somebody changed meanwhile', async () => {
    const { cluster, clock, parts, status } = setUp()
    cluster.addConnector()
    const apply: typeof cluster.api.apply = async (...write) => {
      if (write[0].kind === DEPLOYMENTS.kind) cluster.edit({ active: false })
      return cluster.api.apply(...write)
    }
    const ensure = async (connector: Connector) => ({
      id: 2,
      connector: cluster.put(CONNECTORS, labelled(connector, '2')),
    })
    const applier = new Applier({ ...cluster.api, apply }, clock)
    await expect(reconcile(KEY, { ...parts, applier, ids: { ensure } })).rejects.toMatchObject({ status: 409 })
    expect(status()).toBeUndefined()
  })

  it('writes nothing when everything is as it should be', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    expect((await set.pass()).writes).toEqual([])
    rollOut(set)
    expect((await set.pass()).writes).toEqual(['apply AnalyticsConnector/status'])
    expect((await set.pass()).writes).toEqual([])
  })

  it('is Ready when the pods of the rollout deliver, and tells of each transition once', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    expect(set.status()).toMatchObject({ observedGeneration: 1, connector: { status: 'STARTING' } })
    rollOut(set)
    await set.pass()
    await set.pass()
    expect(set.status()?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True', observedGeneration: 1 })
    expect(set.events.map(({ reason }) => reason)).toEqual(['Starting', 'Active'])
  })

  it('puts back what somebody changed', async () => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    await pass()
    const deployment = cluster.get(DEPLOYMENTS, SINK_KEY) as Deployment
    const metadata = { ...deployment.metadata, generation: 9 }
    cluster.put(DEPLOYMENTS, { ...deployment, metadata, spec: { ...deployment.spec, replicas: 5 } } as Deployment)
    expect((await pass()).writes).toEqual(['apply Deployment'])
    expect(cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.replicas).toBe(1)
  })

  it('leaves the status alone until the pods were asked once, so that a restart of the operator does not show', async () => {
    const set = await setUpDelivering()
    set.reports.set('pod-1', { kind: 'pending' })
    expect((await set.pass()).writes).toEqual([])
    set.cluster.edit({ replicas: 2 })
    expect((await set.pass()).writes).toContain('apply AnalyticsConnector/status')
  })

  it('looks again when the grace period of a pod is over', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    const pod = aKubePod()
    const deletionTimestamp = '2026-03-01T12:00:40Z'
    set.cluster.put(PODS, { ...pod, metadata: { ...pod.metadata, deletionTimestamp } })
    await set.pass()
    await set.clock.advance(1_000)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 40_000 })
    set.cluster.remove(PODS, 'games/events-sink-1')
    await set.pass()
    await set.clock.advance(1_000)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 600_000 })
  })

  it('does nothing for a connector that is gone, or on its way out', async () => {
    const { cluster, pass } = setUp()
    expect(await pass()).toEqual({ outcome: { kind: 'done' }, writes: [] })
    cluster.addConnector(aSpec())
    const connector = cluster.connector()
    const metadata = { ...connector.metadata, deletionTimestamp: '2026-03-01T12:00:00Z' }
    cluster.put(CONNECTORS, { ...connector, metadata })
    expect((await pass()).writes).toEqual([])
  })

  it('has the offsets kept while nothing runs, says how that goes, and ends it when pods run again', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector(aSpec({ active: false }))
    await pass()
    const condition = () => status()?.conditions?.find(({ type }) => type === 'OffsetsKept')
    expect(condition()).toMatchObject({ status: 'Unknown', reason: 'NotYetRenewed' })
    const cronJob = cluster.get(CRON_JOBS, 'games/events-keep-offsets')
    if (!cronJob) throw new Error('no CronJob')
    cluster.put(CRON_JOBS, { ...cronJob, status: { lastSuccessfulTime: '2026-03-01T12:00:00Z' } })
    await pass()
    expect(condition()).toMatchObject({ status: 'True', reason: 'Renewed' })
    expect(status()?.offsetsRenewedAt).toBe('2026-03-01T12:00:00Z')
    cluster.edit({ active: true })
    await pass()
    expect(cluster.get(CRON_JOBS, 'games/events-keep-offsets')).toBeUndefined()
    expect(condition()).toBeUndefined()
    expect(status()?.offsetsRenewedAt).toBeUndefined()
  })

  it('has them kept too while sinks have delivered nothing for a day, by looks of its own, and ends it when they do', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    rollOut(set)
    set.reports.set('pod-1', says('FAILED', { error: 'S3 NoSuchBucket: HeadBucket' }))
    await set.pass()
    const cronJob = () => set.cluster.get(CRON_JOBS, 'games/events-keep-offsets')
    await set.clock.advance(86_399_000)
    await set.pass()
    expect(cronJob()).toBeUndefined()
    await set.clock.advance(1_000)
    expect((await set.pass()).writes).toEqual(['apply CronJob', 'apply AnalyticsConnector/status'])
    rollOut(set)
    expect((await set.pass()).writes).toEqual(['delete CronJob', 'apply AnalyticsConnector/status'])
    expect(set.status()?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Active'])
  })
})

function labelled({ metadata, ...connector }: Connector, id: string): Connector {
  return { ...connector, metadata: { ...metadata, labels: { ...metadata.labels, [ID_LABEL]: id } } }
}
