import { describe, expect, it } from 'vitest'
import { KubeApiError } from '../../src/kube/errors.ts'
import { CONNECTORS, CRON_JOBS, DEPLOYMENTS, JOBS, type Job, PODS } from '../../src/kube/kinds.ts'
import { reconcile } from '../../src/operator/reconcile.ts'
import { aKubePod, aSpec, NOW } from './builders.ts'
import { KEY, rollOut, SINK_KEY, setUp } from './set-up.ts'

const FINALIZER = 'analytics-connector.io/consumer-group'
const JOB_KEY = 'games/events-delete-group'

/** A connector that delivers, and whose group is to go with it. */
async function running() {
  const set = setUp()
  set.cluster.addConnector(aSpec({ deletionPolicy: 'DeleteConsumerGroup' }))
  await set.pass()
  await set.pass()
  rollOut(set)
  await set.pass()
  return set
}

type Running = Awaited<ReturnType<typeof running>>

/** As the API server does it where there are finalizers. */
function deleteConnector({ cluster }: Running): void {
  const connector = cluster.connector()
  const deletionTimestamp = new Date(NOW).toISOString()
  cluster.put(CONNECTORS, { ...connector, metadata: { ...connector.metadata, deletionTimestamp } })
}

/** Deleted, with its pods gone. */
async function stopped() {
  const set = await running()
  deleteConnector(set)
  await set.pass()
  rollOut(set, 0)
  return set
}

function jobEnds({ cluster }: Running, type: 'Complete' | 'Failed', message = ''): void {
  const job = cluster.get(JOBS, JOB_KEY) as Job
  cluster.put(JOBS, { ...job, status: { conditions: [{ type, status: 'True', message }] } })
}

const denied = new KubeApiError(403, 'Forbidden', 'admission webhook "owner" denied the request')

const isGone = ({ cluster }: Running) => cluster.get(CONNECTORS, 'games/events') === undefined

describe('a connector with deletionPolicy DeleteConsumerGroup', () => {
  it('has the finalizer before it has pods, and only while the policy asks for it', async () => {
    const set = setUp()
    set.cluster.addConnector(aSpec({ deletionPolicy: 'DeleteConsumerGroup' }))
    expect((await set.pass()).writes).toEqual(['patch AnalyticsConnector'])
    expect(set.cluster.connector().metadata).toMatchObject({ finalizers: [FINALIZER] })
    set.cluster.edit({ deletionPolicy: 'Retain' })
    await set.pass()
    expect(set.cluster.connector().metadata).toMatchObject({ finalizers: [] })
  })

  it('ends its pods first, then deletes the group, then goes', async () => {
    const set = await running()
    deleteConnector(set)
    await set.pass()
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.replicas).toBe(0)
    expect(set.cluster.get(JOBS, JOB_KEY)).toBeUndefined()
    expect(set.status()?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'Deleting' })
    rollOut(set, 0)
    await set.pass()
    expect(set.cluster.get(JOBS, JOB_KEY)?.spec?.template.spec?.containers[0]?.args?.slice(0, 2)).toEqual([
      'group',
      'delete',
    ])
    expect(set.cluster.get(CRON_JOBS, 'games/events-keep-offsets')).toBeUndefined()
    expect((await set.pass()).writes).toEqual([])
    jobEnds(set, 'Complete')
    await set.pass()
    expect(isGone(set)).toBe(true)
    expect(set.events.at(-1)).toMatchObject({ type: 'Normal', reason: 'ConsumerGroupDeleted' })
  })

  it('goes without it when the Job fails, and tells with the words of its pod', async () => {
    const set = await stopped()
    await set.pass()
    const pod = aKubePod()
    const labels = {
      ...pod.metadata?.labels,
      'app.kubernetes.io/component': 'group',
      'batch.kubernetes.io/job-name': 'events-delete-group',
    }
    const message = '{"msg":"cannot delete","error":"Kafka: no broker"}'
    const ended = { name: 'group', image: 'i', imageID: 'i', ready: false, restartCount: 0 }
    set.cluster.put(PODS, {
      metadata: { ...pod.metadata, labels },
      status: { containerStatuses: [{ ...ended, state: { terminated: { exitCode: 1, message } } }] },
    })
    jobEnds(set, 'Failed', 'BackoffLimitExceeded')
    await set.pass()
    expect(isGone(set)).toBe(true)
    expect(set.events.at(-1)).toMatchObject({
      type: 'Warning',
      reason: 'ConsumerGroupKept',
      note: 'consumer group analytics-connector.games.events stays in Kafka: cannot delete: Kafka: no broker',
    })
  })

  it('is not taken in by the Job of an earlier connector of its name, which deleted another group', async () => {
    const set = await stopped()
    const [earlier] = [
      { apiVersion: 'v1', kind: 'AnalyticsConnector', name: 'events', uid: 'earlier', controller: true },
    ]
    const labels = { 'analytics-connector.io/connector': 'events' }
    set.cluster.put(JOBS, {
      metadata: { namespace: 'games', name: 'events-delete-group', labels, ownerReferences: [earlier] },
    } as Job)
    jobEnds(set, 'Complete')
    await expect(set.pass()).rejects.toThrow('still being deleted')
    expect(isGone(set)).toBe(false)
  })

  it('leaves the group that another connector has too, which would begin anew without it', async () => {
    const set = await stopped()
    const conflict = { reason: 'ConsumerGroupConflict', message: 'games/other has the same consumer group' } as const
    await reconcile(KEY, { ...set.parts, conflicts: { of: () => conflict } })
    expect(isGone(set)).toBe(true)
    expect(set.cluster.get(JOBS, JOB_KEY)).toBeUndefined()
    expect(set.events.at(-1)).toMatchObject({
      reason: 'ConsumerGroupKept',
      note: expect.stringContaining('games/other'),
    })
  })

  it('goes when its namespace takes no new objects', async () => {
    const set = await stopped()
    const causes = ['NamespaceTerminating']
    set.cluster.failures.set('apply Job', new KubeApiError(403, 'Forbidden', 'being terminated', { causes }))
    await set.pass()
    expect(isGone(set)).toBe(true)
  })

  it('goes when the API server refuses what it takes, and when that takes too long', async () => {
    const refused = await stopped()
    refused.cluster.failures.set('apply Job', new KubeApiError(403, 'Forbidden', 'exceeded quota'))
    await refused.pass()
    expect(isGone(refused)).toBe(true)
    expect(refused.events.at(-1)?.note).toContain('exceeded quota')

    const hanging = await running()
    deleteConnector(hanging)
    await hanging.pass()
    await hanging.clock.advance(645_001)
    await hanging.pass()
    expect(isGone(hanging)).toBe(true)
    expect(hanging.events.at(-1)?.note).toContain('waited too long for its pods to end')
  })

  it.each([
    ['that was asked for an hour ago, while there was no operator', (set: Running) => set.clock.advance(3_600_000)],
    ['also where its clock is an hour ahead of the API server’s', (set: Running) => set.clock.set(3_600_000)],
  ])('sees to a deletion %s', async (_what, waitFor) => {
    const set = await running()
    deleteConnector(set)
    await waitFor(set)
    await set.pass()
    rollOut(set, 0)
    await set.pass()
    expect(set.cluster.get(JOBS, JOB_KEY)).toBeDefined()
    jobEnds(set, 'Complete')
    await set.pass()
    expect(set.events.at(-1)).toMatchObject({ reason: 'ConsumerGroupDeleted' })
  })

  it('says who refuses it the finalizer, and delivers what is asked for all the same', async () => {
    const set = setUp()
    set.cluster.addConnector(aSpec({ deletionPolicy: 'DeleteConsumerGroup' }))
    set.cluster.failures.set('patch AnalyticsConnector', denied)
    expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs: 30_000 })
    expect(set.cluster.get(DEPLOYMENTS, SINK_KEY)?.spec?.replicas).toBe(1)
    expect(set.status()).toMatchObject({
      observedGeneration: 1,
      connector: {
        status: 'FAILED',
        error: 'the API server refuses AnalyticsConnector games/events: admission webhook "owner" denied the request',
      },
    })
    await set.pass()
    expect(set.cluster.connector().metadata).toMatchObject({ finalizers: [FINALIZER] })
    await set.pass()
    expect(set.status()?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
  })

  it('says who refuses to let it go', async () => {
    const set = await stopped()
    await set.pass()
    jobEnds(set, 'Complete')
    // How far it has come is told a second later.
    for (const delayMs of [1_000, 30_000]) {
      set.cluster.failures.set('patch AnalyticsConnector', denied)
      expect((await set.pass()).outcome).toEqual({ kind: 'after', delayMs })
      await set.clock.advance(delayMs)
    }
    expect(set.status()?.conditions?.[0]).toMatchObject({
      reason: 'Deleting',
      message: `being deleted, waits for its finalizer to be removed: the API server refuses AnalyticsConnector games/events: ${denied.message}`,
    })
    expect(set.events.at(-1)?.reason).not.toBe('ConsumerGroupDeleted')
    await set.pass()
    expect(isGone(set)).toBe(true)
    expect(set.events.at(-1)?.reason).toBe('ConsumerGroupDeleted')
  })

  it('goes at once when the policy is changed to Retain meanwhile', async () => {
    const set = await stopped()
    set.cluster.edit({ deletionPolicy: 'Retain' })
    await set.pass()
    expect(isGone(set)).toBe(true)
    expect(set.cluster.get(JOBS, JOB_KEY)).toBeUndefined()
  })
})
