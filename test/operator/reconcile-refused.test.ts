import { describe, expect, it } from 'vitest'
import { KubeApiError } from '../../src/kube/errors.ts'
import { CONNECTORS, DEPLOYMENTS } from '../../src/kube/kinds.ts'
import { reconcile } from '../../src/operator/reconcile.ts'
import { aSpec } from './builders.ts'
import { KEY, SINK_KEY, setUp, setUpDelivering } from './set-up.ts'

describe('reconcile', () => {
  it('a connector delivers and reports also while no id can be had', async () => {
    const { cluster, parts, status } = setUp()
    cluster.addConnector()
    const ensure = () => Promise.reject(new KubeApiError(403, 'Forbidden', 'no right to count'))
    await expect(reconcile(KEY, { ...parts, ids: { ensure } })).rejects.toThrow('no right to count')
    expect(cluster.names()).toContain('Deployment events-sink')
    expect(status()).toMatchObject({ observedGeneration: 1 })
  })

  it('stops the pods of a paused connector also where the API server refuses what renews its offsets', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ active: false })
    set.cluster.failures.set(
      'apply CronJob',
      new KubeApiError(403, 'Forbidden', 'exceeded quota: count/cronjobs.batch'),
    )
    await set.pass()
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.replicas).toBe(0)
    expect(set.status()?.connector).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('exceeded quota'),
    })
  })

  it.each(['ConfigMap', 'Deployment'])(
    'stops the pods of a paused connector also where the API server refuses its new %s',
    async (kind) => {
      const set = await setUpDelivering()
      const { spec } = set.cluster.get(DEPLOYMENTS, SINK_KEY) ?? {}
      set.cluster.edit({ active: false, filter: { other: ['*'] } })
      set.cluster.failures.set(`apply ${kind}`, new KubeApiError(403, 'Forbidden', 'exceeded quota'))
      await set.pass()
      expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec).toEqual({ ...spec, replicas: 0 })
      expect(set.status()?.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', reason: 'Forbidden' }))
    },
  )

  it('says which object that is no longer wanted the API server does not let it delete', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ replicas: 2 })
    await set.pass()
    set.cluster.edit({ replicas: 1 })
    set.cluster.failures.set('delete PodDisruptionBudget', new KubeApiError(403, 'Forbidden', 'kept by policy'))
    await set.pass()
    expect(set.status()).toMatchObject({
      observedGeneration: 3,
      connector: {
        status: 'FAILED',
        error: expect.stringContaining('refuses PodDisruptionBudget games/events-sink: kept by policy'),
      },
    })
    await set.pass()
    expect(set.status()?.connector?.status).not.toBe('FAILED')
  })

  it('says so of an old revision too', async () => {
    const set = await setUpDelivering()
    set.cluster.failures.set('delete ConfigMap', new KubeApiError(422, 'Invalid', 'kept by policy'))
    for (let flushSize = 1; flushSize <= 5; flushSize++) {
      set.cluster.edit({ config: { ...aSpec().config, flushSize } })
      await set.pass()
    }
    expect(set.status()).toMatchObject({
      observedGeneration: 6,
      connector: { status: 'FAILED', error: expect.stringContaining('kept by policy') },
    })
    await set.pass()
    expect(set.status()?.connector?.status).not.toBe('FAILED')
    expect(set.cluster.names().filter((name) => name.startsWith('ConfigMap'))).toHaveLength(5)
  })

  it('says what is wrong with a paused connector also where its pods cannot be stopped', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ active: false, config: { ...aSpec().config, eventType: 'justice_event' } })
    set.cluster.failures.set('patch Deployment', new KubeApiError(403, 'Forbidden', 'no change by policy'))
    await set.pass()
    expect(set.status()).toMatchObject({
      observedGeneration: 2,
      connector: { status: 'FAILED', error: expect.stringContaining('has no topic pattern') },
    })
  })

  it('does not touch an object of somebody else, says so, and goes on when it is gone', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    cluster.put(DEPLOYMENTS, { metadata: { namespace: 'games', name: 'events-sink' } })
    const { writes, outcome } = await pass()
    expect(writes).toEqual(['apply AnalyticsConnector/status'])
    expect(status()?.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', reason: 'NameConflict' }))
    expect(outcome).toEqual({ kind: 'after', delayMs: 30_000 })
    cluster.remove(DEPLOYMENTS, SINK_KEY)
    await pass()
    expect(cluster.names()).toContain('Deployment events-sink')
    expect(status()?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
  })

  it('shows which webhook hangs, and comes again as what failed does: it may hang again', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    const message = 'failed calling webhook "quota.example.com": context deadline exceeded'
    cluster.failures.set('apply Deployment', new KubeApiError(500, 'InternalError', message))
    expect((await pass()).outcome).toEqual({ kind: 'retry' })
    const stalled = status()?.conditions?.find(({ type }) => type === 'Stalled')
    expect(stalled).toMatchObject({ reason: 'ObjectRefused', message: expect.stringContaining(message) })
    await pass()
    expect(status()?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
  })

  it('shows why the API server refuses an object', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    cluster.failures.set('apply Deployment', new KubeApiError(403, 'Forbidden', 'exceeded quota: pods'))
    await pass()
    expect(status()?.connector).toMatchObject({
      status: 'FAILED',
      error: 'the API server refuses Deployment games/events-sink: exceeded quota: pods',
    })
  })

  it('takes a right for missing only when it has been refused for a minute: until then the API server may not have read its roles', async () => {
    const { cluster, clock, pass, status } = setUp()
    cluster.addConnector()
    const words = 'deployments.apps "events-sink" is forbidden: User "operator" cannot patch resource "deployments"'
    const refuse = () => cluster.failures.set('apply Deployment', new KubeApiError(403, 'Forbidden', words))
    for (const waitedMs of [0, 30_000, 29_999]) {
      await clock.advance(waitedMs)
      refuse()
      await expect(pass()).rejects.toMatchObject({ name: 'Waiting', delayMs: 5_000 })
      expect(status()).toBeUndefined()
    }
    await clock.advance(1)
    refuse()
    await pass()
    expect(status()?.connector).toMatchObject({ status: 'FAILED', error: expect.stringContaining(words) })
    await pass()
    expect(status()?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
    for (const waitedMs of [0, 60_001]) {
      cluster.remove(DEPLOYMENTS, SINK_KEY)
      await clock.advance(waitedMs)
      refuse()
      await expect(pass()).rejects.toMatchObject({ name: 'Waiting' })
    }
  })

  it('shows what the API server itself says is wrong with it when it has said so for a minute, as for a webhook whose patch does not fit', async () => {
    const { cluster, clock, pass, status } = setUp()
    cluster.addConnector()
    const words = 'Internal error occurred: add operation does not apply: doc is missing path'
    const fail = () => cluster.failures.set('apply Deployment', new KubeApiError(500, 'InternalError', words))
    for (const waitedMs of [0, 59_999]) {
      await clock.advance(waitedMs)
      fail()
      await expect(pass()).rejects.toMatchObject({ status: 500 })
      expect(status()).toBeUndefined()
    }
    await clock.advance(1)
    fail()
    expect((await pass()).outcome).toEqual({ kind: 'retry' })
    const stalled = status()?.conditions?.find(({ type }) => type === 'Stalled')
    expect(stalled).toMatchObject({ reason: 'ObjectRefused', message: expect.stringContaining(words) })
    await pass()
    expect(status()?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
  })

  it('does not mistake the end of a namespace for a refusal', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    const causes = ['NamespaceTerminating']
    cluster.failures.set('apply Deployment', new KubeApiError(403, 'Forbidden', 'being terminated', { causes }))
    await expect(pass()).rejects.toMatchObject({ name: 'NamespaceEnding' })
    expect(status()).toBeUndefined()
  })

  it('leaves what passes by itself to the queue: an API server that is down is no state of the connector', async () => {
    const { cluster, pass, status } = setUp()
    cluster.addConnector()
    cluster.failures.set('apply Deployment', new KubeApiError(503, 'Unavailable', 'down'))
    await expect(pass()).rejects.toMatchObject({ status: 503 })
    expect(status()).toBeUndefined()
  })

  it('never writes a status over a connector that has changed meanwhile', async () => {
    const { cluster, pass, parts } = setUp()
    cluster.addConnector()
    const apply = parts.applier.apply.bind(parts.applier)
    parts.applier.apply = async (key, desired) => {
      if (desired.kind.kind === 'Deployment') cluster.edit({ replicas: 2 })
      return apply(key, desired)
    }
    await expect(pass()).rejects.toMatchObject({ status: 409 })
  })

  it.each([
    ['deleted', []],
    ['deleted and made again', [{ metadata: { uid: 'uid-2' } }]],
  ])('makes nothing anew for a connector that was %s, as long as the watch does not tell', async (_what, items) => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    await pass()
    cluster.remove(DEPLOYMENTS, SINK_KEY)
    cluster.api.list = async () => ({ items: items as never[], resourceVersion: '1' })
    await expect(pass()).rejects.toMatchObject({ name: 'Waiting' })
    expect(cluster.writes).toEqual([])
  })

  it('waits for the objects of an earlier connector of the same name', async () => {
    const { cluster, pass } = setUp()
    cluster.addConnector()
    await pass()
    const next = cluster.connector()
    cluster.put(CONNECTORS, { ...next, metadata: { ...next.metadata, uid: 'uid-2' } })
    await expect(pass()).rejects.toMatchObject({ name: 'Waiting' })
  })
})
