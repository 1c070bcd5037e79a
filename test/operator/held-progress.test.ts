import { describe, expect, it } from 'vitest'
import { DEPLOYMENTS, type Deployment, PODS } from '../../src/kube/kinds.ts'
import { aKubePod, says } from './builders.ts'
import { KEY, rollOut, SINK_KEY, type setUp, setUpDelivering } from './set-up.ts'

type SetUp = ReturnType<typeof setUp>

const STATUS = 'apply AnalyticsConnector/status'

describe('progress of a rollout', () => {
  it('waits a second for more of it, and is written then', async () => {
    const set = await setUpRollingOut()
    showPods(set, 2)
    const held = await set.pass()
    expect(held.writes).toEqual([])
    expect(held.outcome).toEqual({ kind: 'after', delayMs: 1_000 })
    await set.clock.advance(600)
    showPods(set, 3)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 400 })
    await set.clock.advance(400)
    expect((await set.pass()).writes).toEqual([STATUS])
    expect(set.status()?.replicas).toBe(3)
  })

  it('is not written at all when the end comes before', async () => {
    const set = await setUpRollingOut()
    showPods(set, 2)
    await set.pass()
    rollOut(set)
    expect((await set.pass()).writes).toEqual([STATUS])
    expect(set.status()?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True' })
    await set.clock.advance(1_000)
    expect((await set.pass()).writes).toEqual([])
  })

  it('holds back nothing that is true or not: a pod that fails, an edit, a pause', async () => {
    const set = await setUpRollingOut()
    showPods(set, 2)
    await set.pass()
    const pod = aKubePod()
    const annotations = deploymentOf(set).spec?.template.metadata?.annotations ?? {}
    set.cluster.put(PODS, { ...pod, metadata: { ...pod.metadata, annotations } })
    set.reports.set('pod-1', says('FAILED', { error: 'bucket is gone' }))
    expect((await set.pass()).writes).toEqual([STATUS])
    expect(set.status()?.connector).toMatchObject({ status: 'FAILED', error: 'bucket is gone' })
    set.cluster.edit({ active: false })
    expect((await set.pass()).writes).toContain(STATUS)
    expect(set.status()).toMatchObject({ observedGeneration: 3, active: false })
  })

  it('is held back anew, for a second again, after it was written', async () => {
    const set = await setUpRollingOut()
    showPods(set, 2)
    await set.pass()
    await set.clock.advance(1_000)
    await set.pass()
    showPods(set, 3)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 1_000 })
  })

  it('is held back anew where it had gone back to what was written', async () => {
    const set = await setUpRollingOut()
    const before = deploymentOf(set)
    showPods(set, 2)
    await set.pass()
    await set.clock.advance(900)
    set.cluster.put(DEPLOYMENTS, before)
    expect((await set.pass()).writes).toEqual([])
    showPods(set, 2)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 1_000 })
  })

  it('of a connector that is gone is forgotten', async () => {
    const set = await setUpRollingOut()
    showPods(set, 2)
    await set.pass()
    const next = { ...set.status(), replicas: 3 } as NonNullable<ReturnType<SetUp['status']>>
    await set.clock.advance(900)
    set.parts.heldProgress.forget(KEY)
    expect(set.parts.heldProgress.holdMs(KEY, set.status(), next)).toBe(1_000)
  })
})

/** A connector that delivered, and whose edit has been applied and told. */
async function setUpRollingOut(): Promise<SetUp> {
  const set = await setUpDelivering()
  set.cluster.edit({ filter: { other: ['*'] } })
  expect((await set.pass()).writes).toContain(STATUS)
  return set
}

/** Kubernetes tells of so many pods, none of them available. */
function showPods({ cluster }: SetUp, replicas: number): void {
  const deployment = deploymentOf({ cluster })
  const observedGeneration = deployment.metadata?.generation ?? 0
  cluster.put(DEPLOYMENTS, { ...deployment, status: { ...deployment.status, observedGeneration, replicas } })
}

function deploymentOf({ cluster }: Pick<SetUp, 'cluster'>): Deployment {
  return cluster.get(DEPLOYMENTS, SINK_KEY) as Deployment
}
