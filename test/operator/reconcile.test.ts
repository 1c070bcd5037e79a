import { describe, expect, it } from 'vitest'
import { ID_LABEL } from '../../src/contract/names.ts'
import type { Connector } from '../../src/kube/connector-ids.ts'
import { CONFIG_MAPS, CONNECTORS, CRON_JOBS, DEPLOYMENTS, type Deployment, PODS } from '../../src/kube/kinds.ts'
import { Applier } from '../../src/operator/apply.ts'
import { TEMPLATE_ANNOTATION } from '../../src/operator/desired/metadata.ts'
import { reconcile } from '../../src/operator/reconcile.ts'
import { aKubePod, aSpec, says } from './builders.ts'
import type { Cluster } from './cluster.ts'
import { KEY, rollOut, SINK_KEY, setUp, setUpDelivering } from './set-up.ts'

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

  it('makes a new revision for an edit of the configuration and keeps the old one', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    const before = revisionOf(set.cluster)
    set.cluster.edit({ filter: { other: ['*'] } })
    await set.pass()
    const after = revisionOf(set.cluster)
    expect(after).not.toBe(before)
    expect(set.cluster.names().filter((name) => name.startsWith('ConfigMap'))).toHaveLength(2)
  })

  it('deletes revisions beyond the newest five, without rolling a pod', async () => {
    const set = setUp()
    set.cluster.addConnector()
    for (let edit = 0; edit < 7; edit++) {
      set.cluster.edit({ filter: { [`n${edit}`]: ['*'] } })
      await set.pass()
    }
    const template = set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template
    expect((await set.pass()).writes).toEqual([])
    expect(set.cluster.names().filter((name) => name.startsWith('ConfigMap'))).toHaveLength(5)
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template).toEqual(template)
  })

  it('keeps the revision that delivers through any number of edits that fail, also while it has no pod for a moment', async () => {
    const set = await setUpDelivering()
    const delivering = revisionOf(set.cluster)
    set.cluster.remove(PODS, 'games/events-sink-1')
    for (let edit = 0; edit < 7; edit++) {
      set.cluster.edit({ filter: { [`n${edit}`]: ['*'] } })
      await set.pass()
    }
    expect(set.status()?.revision).toBe(delivering)
    expect(set.cluster.names()).toContain(`ConfigMap events-sink-${delivering}`)
    const [revisions] = set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template.spec?.volumes ?? []
    expect(JSON.stringify(revisions)).toContain(`${delivering}.json`)
  })

  it('stops the pods of a paused connector also where its spec cannot become a configuration', async () => {
    const set = await setUpDelivering()
    const { spec } = set.cluster.get(DEPLOYMENTS, SINK_KEY) ?? {}
    const invalid = aSpec({ config: { ...aSpec().config, eventType: 'justice_event' } })
    set.cluster.edit(invalid)
    expect((await set.pass()).writes).toEqual(['apply AnalyticsConnector/status'])
    set.cluster.edit({ active: false })
    await set.pass()
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec).toEqual({ ...spec, replicas: 0 })
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'InvalidConfiguration' })
    rollOut(set, 0)
    expect((await set.pass()).writes).not.toContain('patch Deployment')
  })

  it('keeps its own service account until no pod is left, nor made again, that needs it', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ serviceAccountName: 'missing' })
    await set.pass()
    const deployment = set.cluster.get(DEPLOYMENTS, SINK_KEY) as Deployment
    const observedGeneration = deployment.metadata?.generation ?? 0
    const status = { observedGeneration, replicas: 1, updatedReplicas: 0, availableReplicas: 1 }
    set.cluster.put(DEPLOYMENTS, { ...deployment, status })
    await set.pass()
    expect(set.cluster.names()).toContain('ServiceAccount events-sink')
    rollOut(set)
    await set.pass()
    expect(set.cluster.names()).not.toContain('ServiceAccount events-sink')
  })

  it('keeps its own service account where the spec names it', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ serviceAccountName: 'events-sink' })
    await set.pass()
    rollOut(set)
    await set.pass()
    expect(set.cluster.names()).toContain('ServiceAccount events-sink')
  })

  it('scales to zero for a pause, and is Ready only when the pods are gone', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ active: false })
    await set.pass()
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.replicas).toBe(0)
    expect(set.status()).toMatchObject({ active: false, connector: { status: 'STOPPING' } })
    rollOut(set, 0)
    await set.pass()
    expect(set.status()).toMatchObject({ connector: { status: 'INACTIVE', error: null } })
    expect(set.status()?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True', reason: 'Paused' })
  })

  it('restarts the pods once for each value of the restart annotation, and records it', async () => {
    const set = await setUpDelivering()
    const connector = set.cluster.connector()
    const annotations = { 'analytics-connector.io/restart-requested-at': '2026-03-01T12:00:00Z' }
    set.cluster.put(CONNECTORS, { ...connector, metadata: { ...connector.metadata, annotations } })
    expect((await set.pass()).writes).toEqual(['apply Deployment', 'apply AnalyticsConnector/status'])
    expect(set.status()).toMatchObject({ restartRequestedAt: '2026-03-01T12:00:00Z', observedGeneration: 1 })
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'RollingOut' })
    rollOut(set)
    await set.pass()
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'True' })
    // Whoever removes the annotation asks for nothing.
    const { metadata, ...rest } = set.cluster.connector()
    set.cluster.put(CONNECTORS, { ...rest, metadata: { ...metadata, annotations: {} } })
    expect((await set.pass()).writes).toEqual([])
  })

  it('rolls the pods for a change of what they refer to, and not for not knowing it', async () => {
    const set = setUp()
    set.cluster.addConnector()
    set.references.version = 'first'
    await set.pass()
    set.references.version = undefined
    expect((await set.pass()).writes).toEqual([])
    set.references.version = 'second'
    expect((await set.pass()).writes).toEqual(['apply Deployment'])
  })

  it('makes no pods before the state of what they refer to can be known: it would replace them at once', async () => {
    const set = setUp()
    set.cluster.addConnector()
    set.references.version = undefined
    set.references.isPending = true
    expect(await set.pass()).toEqual({ outcome: { kind: 'after', delayMs: 250 }, writes: [] })
    set.references.isPending = false
    expect((await set.pass()).writes).toContain('apply Deployment')
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

  it('names the pod template on the pods, which tells a rollout from the one before', async () => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    await pass()
    const template = cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template.metadata?.annotations?.[TEMPLATE_ANNOTATION]
    expect(template).toMatch(/^[0-9a-f]{16}$/)
    expect(cluster.get(CONFIG_MAPS, `games/events-sink-${revisionOf(cluster)}`)).toBeDefined()
  })
})

function revisionOf(cluster: Cluster): string {
  return cluster.get(DEPLOYMENTS, SINK_KEY)?.metadata?.annotations?.['analytics-connector.io/revision'] ?? ''
}

function labelled({ metadata, ...connector }: Connector, id: string): Connector {
  return { ...connector, metadata: { ...metadata, labels: { ...metadata.labels, [ID_LABEL]: id } } }
}
