import { describe, expect, it, vi } from 'vitest'
import { REVISION_ANNOTATION } from '../../src/contract/names.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { CONNECTORS, CRON_JOBS, DEPLOYMENTS, type Deployment, PODS, type Pod } from '../../src/kube/kinds.ts'
import { reconcile } from '../../src/operator/reconcile.ts'
import { aKubePod, says } from './builders.ts'
import { KEY, revisionOf, rollOut, SINK_KEY, setUp, setUpDelivering } from './set-up.ts'

const QUOTA = new KubeApiError(403, 'Forbidden', 'exceeded quota')

describe('reconcile', () => {
  it('forgets what it knew of a connector that is gone', async () => {
    const { cluster, parts, pass } = await setUpDelivering()
    const forgets = [
      vi.spyOn(parts.applier, 'forget'),
      vi.spyOn(parts.references, 'forget'),
      vi.spyOn(parts.heldProgress, 'forget'),
    ]
    cluster.remove(CONNECTORS, KEY)
    await pass()
    for (const forget of forgets) expect(forget).toHaveBeenCalledExactlyOnceWith(KEY)
  })

  it('edits a connector whose pods run without waiting for the state of what they refer to', async () => {
    const set = await setUpDelivering()
    set.references.version = undefined
    set.references.isPending = true
    set.cluster.edit({ filter: { other: ['*'] } })
    expect((await set.pass()).writes).toContain('apply Deployment')
  })

  it('keeps every revision that the Deployment mounts through edits that are refused', async () => {
    const set = await setUpDelivering()
    for (let edit = 0; edit < 4; edit++) {
      set.cluster.edit({ filter: { [`n${edit}`]: ['*'] } })
      await set.pass()
      rollOut(set)
      await set.pass()
    }
    for (let edit = 0; edit < 7; edit++) {
      set.cluster.edit({ filter: { [`refused${edit}`]: ['*'] } })
      set.cluster.failures.set('apply Deployment', QUOTA)
      await set.pass()
    }
    const volumes = JSON.stringify(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template.spec?.volumes)
    const mounted = new Set(volumes.match(/events-sink-[0-9a-f]{10}/g))
    expect(mounted.size).toBe(5)
    for (const name of mounted) expect(set.cluster.names()).toContain(`ConfigMap ${name}`)
  })

  it('keeps the revision of pods that are there, though none has ever delivered with it', async () => {
    const set = setUp()
    set.cluster.addConnector()
    await set.pass()
    rollOut(set)
    const revision = revisionOf(set.cluster)
    set.reports.set('pod-1', says('STARTING'))
    for (let edit = 0; edit < 7; edit++) {
      set.cluster.edit({ filter: { [`n${edit}`]: ['*'] } })
      await set.pass()
    }
    expect(set.status()?.revision).toBeUndefined()
    expect(set.cluster.names()).toContain(`ConfigMap events-sink-${revision}`)
  })

  it('rolls back an edit that is taken back before the watch has told of its rollout, and is not Ready meanwhile', async () => {
    const set = await setUpDelivering()
    const { filter } = set.cluster.connector().spec
    const before = set.cluster.get(DEPLOYMENTS, SINK_KEY)
    set.cluster.edit({ filter: { other: ['*'] } })
    await set.pass()
    set.parts.caches.deployments.get = () => before
    set.cluster.edit({ filter })
    await set.pass()
    const { metadata, spec } = set.cluster.get(DEPLOYMENTS, SINK_KEY) ?? {}
    expect(metadata?.annotations?.[REVISION_ANNOTATION]).toBe(before?.metadata?.annotations?.[REVISION_ANNOTATION])
    // What a sink of the edit may have begun is finished under its revision.
    expect(spec?.template.spec?.volumes?.[0]?.projected?.sources).toHaveLength(2)
    expect(set.status()?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'False', observedGeneration: 3 })
  })

  it('has no offsets kept while the revision before delivers, for however long the newest one fails', async () => {
    const set = await setUpDelivering()
    set.cluster.edit({ filter: { other: ['*'] } })
    await set.pass()
    const pod = aKubePod()
    const annotations = set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.template.metadata?.annotations
    set.cluster.put(PODS, {
      ...pod,
      metadata: { ...pod.metadata, name: 'events-sink-2', uid: 'pod-2', annotations },
    } as Pod)
    set.reports.set('pod-2', says('FAILED', { error: 'S3 NoSuchBucket: HeadBucket' }))
    await set.pass()
    const cronJob = () => set.cluster.get(CRON_JOBS, 'games/events-keep-offsets')
    await set.clock.advance(86_400_000)
    await set.pass()
    expect([cronJob(), set.status()?.connector?.status]).toEqual([undefined, 'FAILED'])
    expect(set.status()?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Active', 'Stalled'])
    // As after a start of the operator.
    set.reports.set('pod-1', { kind: 'pending' })
    await set.pass()
    expect(cronJob()).toBeUndefined()
    set.reports.set('pod-1', says('FAILED', { error: 'S3 NoSuchBucket: HeadBucket' }))
    await set.pass()
    expect(cronJob()).toBeDefined()
    set.reports.set('pod-1', { kind: 'pending' })
    await set.pass()
    expect(cronJob()).toBeDefined()
  })

  it('says of a pause how the sinks ended, as far as that was seen', async () => {
    const set = await setUpDelivering()
    const message = () => set.status()?.conditions?.[0]?.message
    const ends = (exitCode: number) => {
      const message = '{"msg":"the drain time ran out"}'
      const pod = aKubePod({ state: { terminated: { exitCode, message, startedAt: '2026-03-01T11:00:00Z' } } })
      const metadata = { ...pod.metadata, deletionTimestamp: '2026-03-01T12:01:00Z' }
      set.parts.endings.note({ ...pod, metadata } as Pod)
      rollOut(set, 0)
    }
    const pause = async (...exitCodes: number[]) => {
      set.cluster.edit({ active: false })
      await set.pass()
      exitCodes.forEach(ends)
      rollOut(set, 0)
      await set.pass()
    }
    await pause(0, 1, 0)
    const cutShort =
      'spec.active is false: pod events-sink-1 could not write everything (exit code 1: the drain time ran out), no pods'
    expect(message()).toBe(cutShort)
    set.parts.endings.forget(KEY)
    await set.pass()
    expect(message()).toBe(cutShort)

    const resume = async () => {
      set.cluster.edit({ active: true })
      await set.pass()
      rollOut(set)
      await set.pass()
    }
    await resume()
    await pause(0)
    expect(message()).toBe('spec.active is false: everything buffered was written and committed, no pods')
    await resume()
    await pause()
    expect(message()).toBe('spec.active is false: no pods')
  })

  it('says what is refused also before the pods were asked once', async () => {
    const set = await setUpDelivering()
    set.reports.set('pod-1', { kind: 'pending' })
    const deployment = set.cluster.get(DEPLOYMENTS, SINK_KEY)
    const metadata = { ...deployment?.metadata, generation: 9 }
    set.cluster.put(DEPLOYMENTS, { ...deployment, metadata, spec: { ...deployment?.spec, replicas: 5 } } as Deployment)
    set.cluster.failures.set('apply Deployment', QUOTA)
    await set.pass()
    expect(set.status()?.connector).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('exceeded quota'),
    })
  })

  it('does not write a status again that the watch is yet to tell of', async () => {
    const set = setUp()
    set.cluster.addConnector()
    const before = set.cluster.connector()
    expect((await set.pass()).writes).toContain('apply AnalyticsConnector/status')
    set.parts.caches.connectors.get = () => before
    expect((await set.pass()).writes).toEqual([])
  })

  it('tells of no transition of a connector that is gone when its status is to be written', async () => {
    const { cluster, pass, events } = setUp()
    cluster.addConnector()
    cluster.failures.set('apply AnalyticsConnector/status', new KubeApiError(404, 'NotFound', 'gone'))
    expect((await pass()).outcome.kind).toBe('after')
    expect(events).toEqual([])
  })

  it('looks at a pod that has outlived its grace period no more often than at all others', async () => {
    const set = await setUpDelivering()
    const pod = aKubePod()
    const deletionTimestamp = new Date(set.clock.now() - 60_000).toISOString()
    const metadata = { ...pod.metadata, name: 'events-sink-0', uid: 'pod-0', deletionTimestamp }
    set.cluster.put(PODS, { ...pod, metadata })
    await set.pass()
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 600_000 })
  })

  it('looks again when a pod that has a node should have begun, and tells that it has not', async () => {
    const set = await setUpDelivering()
    const pod = set.cluster.get(PODS, 'games/events-sink-1')
    const status = { phase: 'Pending', startTime: new Date(set.clock.now() - 260_000).toISOString() }
    set.cluster.put(PODS, { ...pod, status })
    set.reports.delete('pod-1')
    await set.pass()
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'Starting' })
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 41_000 })
    await set.clock.advance(41_000)
    await set.pass()
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' })
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 600_000 })
  })

  it('does not look at all connectors at once', async () => {
    const set = await setUpDelivering()
    expect(await reconcile(KEY, { ...set.parts, random: () => 1 })).toEqual({ kind: 'after', delayMs: 720_000 })
  })
})
