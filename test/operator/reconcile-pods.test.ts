import { describe, expect, it } from 'vitest'
import { CONFIG_MAPS, CONNECTORS, DEPLOYMENTS, type Deployment, PODS } from '../../src/kube/kinds.ts'
import { TEMPLATE_ANNOTATION } from '../../src/operator/desired/metadata.ts'
import { aSpec } from './builders.ts'
import { revisionOf, rollOut, SINK_KEY, setUp, setUpDelivering } from './set-up.ts'

describe('a pass over the pods of a connector', () => {
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

  it('names the pod template on the pods, which tells a rollout from the one before', async () => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    await pass()
    const template = cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template.metadata?.annotations?.[TEMPLATE_ANNOTATION]
    expect(template).toMatch(/^[0-9a-f]{16}$/)
    expect(cluster.get(CONFIG_MAPS, `games/events-sink-${revisionOf(cluster)}`)).toBeDefined()
  })
})
