import { describe, expect, it } from 'vitest'
import { resolveSinkConfig } from '../../src/contract/resolve.ts'
import { CONFIG_MAPS, DEPLOYMENTS, type Deployment, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts'
import { Applier, isSubset } from '../../src/operator/apply.ts'
import { ApplyMemory } from '../../src/operator/apply-memory.ts'
import { desiredConfigMap } from '../../src/operator/desired/config-map.ts'
import { objectMeta } from '../../src/operator/desired/metadata.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { anObserved, aSpec, DEFAULTS, OWNER } from './builders.ts'
import { Cluster } from './cluster.ts'

const KEY = 'games/events'
const resolved = resolveSinkConfig({ ...OWNER, spec: aSpec() }, DEFAULTS)
const wanted = (cpu: string, extra = {}): Deployment =>
  ({ metadata: objectMeta(OWNER, 'events-sink'), spec: { cpu, ...extra } }) as unknown as Deployment

function setUp() {
  const cluster = new Cluster()
  const clock = new FakeClock()
  const applier = new Applier(cluster.api, clock)
  const live = () => cluster.get(DEPLOYMENTS, 'games/events-sink')
  const apply = (object: Deployment, known = live()) => applier.apply(KEY, { kind: DEPLOYMENTS, object, live: known })
  return { cluster, clock, applier, live, apply }
}

/** The server writes a quantity its own way and adds defaults. */
function normalise({ cluster, live }: ReturnType<typeof setUp>, spec: object): void {
  cluster.put(DEPLOYMENTS, { ...live(), spec } as unknown as Deployment)
}

describe('Applier', () => {
  it('applies what is not there, and leaves alone what is as it should be with defaults beside it', async () => {
    const set = setUp()
    await set.apply(wanted('500m'))
    normalise(set, { cpu: '500m', revisionHistoryLimit: 10 })
    await new Applier(set.cluster.api, set.clock).apply(KEY, {
      kind: DEPLOYMENTS,
      object: wanted('500m'),
      live: set.live(),
    })
    expect(set.cluster.writes).toEqual(['apply Deployment'])
  })

  it('applies once where the server writes a value its own way', async () => {
    const set = setUp()
    await set.apply(wanted('0.5'))
    normalise(set, { cpu: '500m' })
    await set.apply(wanted('0.5'))
    await set.apply(wanted('0.5'))
    expect(set.cluster.writes).toHaveLength(1)
  })

  it('sees a field that is no longer wanted, although everything wanted is there', async () => {
    const set = setUp()
    await set.apply(wanted('1', { nodeName: 'a' }))
    await new Applier(set.cluster.api, set.clock).apply(KEY, {
      kind: DEPLOYMENTS,
      object: wanted('1'),
      live: set.live(),
    })
    expect(set.live()?.spec).toEqual({ cpu: '1' })
  })

  it('puts back a change of the spec and of the labels by somebody else', async () => {
    const set = setUp()
    await set.apply(wanted('0.5'))
    const before = set.live()
    set.cluster.put(DEPLOYMENTS, { ...before, metadata: { ...before?.metadata, labels: {} } } as Deployment)
    await set.apply(wanted('0.5'))
    expect(set.live()?.metadata?.labels).toEqual(before?.metadata?.labels)
    const generation = (before?.metadata?.generation ?? 0) + 1
    set.cluster.put(DEPLOYMENTS, {
      ...set.live(),
      metadata: { ...set.live()?.metadata, generation },
      spec: { cpu: '9' },
    } as unknown as Deployment)
    await set.apply(wanted('0.5'))
    expect(set.live()?.spec).toEqual({ cpu: '0.5' })
  })

  it('does not apply again while the cache is still behind its own write, and knows the newer state', async () => {
    const set = setUp()
    await set.apply(wanted('1'))
    const stale = set.live()
    await set.apply(wanted('2'))
    const known = await set.apply(wanted('2'), stale)
    expect(set.cluster.writes).toHaveLength(2)
    expect(known.metadata?.generation).toBe(2)
  })

  it('applies to an object that was made anew by somebody who copied it', async () => {
    const set = setUp()
    await set.apply(wanted('0.5'))
    normalise(set, { cpu: '9' })
    const copy = set.live()
    set.cluster.put(DEPLOYMENTS, { ...copy, metadata: { ...copy?.metadata, uid: 'other' } } as Deployment)
    await set.apply(wanted('0.5'))
    expect(set.live()?.spec).toEqual({ cpu: '0.5' })
  })

  it('remembers nothing of a kind that counts no generations: the memory would tell nothing', async () => {
    const memory = new ApplyMemory()
    const api = {
      apply: async <T>(_kind: unknown, object: T) => object,
      patch: async () => ({}) as never,
      get: async () => undefined,
      list: async () => ({ items: [], resourceVersion: '' }),
      delete: async () => {},
    }
    const account = { metadata: objectMeta(OWNER, 'events-sink') }
    await new Applier(api, new FakeClock(), memory).apply(KEY, {
      kind: SERVICE_ACCOUNTS,
      object: account,
      live: undefined,
    })
    expect(memory.size).toBe(0)
  })

  it('leaves alone a ConfigMap that is cached without its content, which its name tells', async () => {
    const { cluster, clock, applier } = setUp()
    const object = desiredConfigMap(OWNER, 'aaaaaaaaaa', resolved)
    const { metadata } = await applier.apply(KEY, { kind: CONFIG_MAPS, object, live: undefined })
    const live = { metadata } as typeof object
    await new Applier(cluster.api, clock).apply(KEY, { kind: CONFIG_MAPS, object, live })
    expect(cluster.writes).toEqual(['apply ConfigMap'])
  })

  it('puts back what is missing in an object of any other kind, also where it has nothing but metadata', async () => {
    const { cluster, clock, applier } = setUp()
    const object = { metadata: objectMeta(OWNER, 'events-sink'), automountServiceAccountToken: false }
    const { metadata } = await applier.apply(KEY, { kind: SERVICE_ACCOUNTS, object, live: undefined })
    const live = { metadata } as typeof object
    await new Applier(cluster.api, clock).apply(KEY, { kind: SERVICE_ACCOUNTS, object, live })
    expect(cluster.writes).toEqual(['apply ServiceAccount', 'apply ServiceAccount'])
  })

  it('applies what is wanted by now also while the cache is behind its own write', async () => {
    const set = setUp()
    await set.apply(wanted('1'))
    const stale = set.live()
    await set.apply(wanted('2'))
    await set.apply(wanted('3'), stale)
    expect(set.live()?.spec).toEqual({ cpu: '3' })
  })

  it('goes back to what was wanted before also while the cache is behind its own write', async () => {
    const set = setUp()
    await set.apply(wanted('1'))
    const stale = set.live()
    await set.apply(wanted('2'))
    await set.apply(wanted('1'), stale)
    expect(set.live()?.spec).toEqual({ cpu: '1' })
  })

  it('applies again to a server that was restored from an older state', async () => {
    const set = setUp()
    await set.apply(wanted('1'))
    const older = set.live() as Deployment
    await set.apply(wanted('2'))
    await set.apply(wanted('2'))
    set.cluster.put(DEPLOYMENTS, older)
    await set.apply(wanted('2'))
    expect(set.live()?.spec).toEqual({ cpu: '2' })
  })

  it('asks the API server for nothing that the cache has, and only once whether its connector is there', async () => {
    const { cluster, clock } = setUp()
    cluster.addConnector()
    const asked: string[] = []
    const api = {
      ...cluster.api,
      get: async () => void asked.push('get'),
      list: async (...args: Parameters<typeof cluster.api.list>) => {
        asked.push('list')
        return cluster.api.list(...args)
      },
    }
    const applier = new Applier(api as typeof cluster.api, clock)
    const ours = { kind: DEPLOYMENTS, object: wanted('1'), live: wanted('1') }
    await applier.findConflicts(anObserved(), [ours])
    expect(asked).toEqual([])
    const observed = anObserved()
    for (let i = 0; i < 2; i++) await applier.findConflicts(observed, [ours, { ...ours, live: undefined }])
    expect(asked.sort()).toEqual(['get', 'get', 'list'])
  })

  it('stops no pods but those of its own connector, and those once', async () => {
    const { cluster, applier } = setUp()
    const ours = { metadata: { ...objectMeta(OWNER, 'events-sink'), uid: 'u' }, spec: { replicas: 2 } } as Deployment
    const theirs = { ...ours, metadata: { ...ours.metadata, ownerReferences: [] } } as Deployment
    await applier.stopPods(anObserved({ deployment: theirs }))
    await applier.stopPods(anObserved({ deployment: { ...ours, spec: { replicas: 0 } } as Deployment }))
    expect(cluster.writes).toEqual([])
    cluster.put(DEPLOYMENTS, ours)
    await applier.stopPods(anObserved({ deployment: ours }))
    expect(cluster.get(DEPLOYMENTS, 'games/events-sink')?.spec?.replicas).toBe(0)
  })

  it('deletes the very object that it has seen, not one of the same name', async () => {
    const deleted: unknown[] = []
    const { cluster, clock } = setUp()
    const api = { ...cluster.api, delete: async (...args: unknown[]) => void deleted.push(args[2]) }
    const live = { metadata: { ...objectMeta(OWNER, 'x'), uid: 'seen' } }
    await new Applier(api, clock).remove(anObserved(), DEPLOYMENTS, live)
    expect(deleted).toEqual([{ uid: 'seen' }])
  })

  it('never deletes what is not ours, or is being deleted', async () => {
    const { cluster, applier } = setUp()
    const theirs = cluster.put(DEPLOYMENTS, { metadata: { namespace: 'games', name: 'events-sink' } })
    await applier.remove(anObserved(), DEPLOYMENTS, theirs)
    const going = { metadata: { ...objectMeta(OWNER, 'x'), uid: 'u', deletionTimestamp: '2026-03-01T12:00:00Z' } }
    await applier.remove(anObserved(), DEPLOYMENTS, going)
    expect(cluster.writes).toEqual([])
    await applier.remove(anObserved(), DEPLOYMENTS, { metadata: { ...objectMeta(OWNER, 'x'), uid: 'u' } })
    expect(cluster.writes).toEqual(['delete Deployment'])
  })
})

describe('isSubset', () => {
  it('looks at every depth, lists by position and length', () => {
    const whole = { a: 1, b: { c: [{ d: 1, e: 2 }] } }
    expect(isSubset({ b: { c: [{ d: 1 }] } }, whole)).toBe(true)
    expect(isSubset({ b: { c: [] } }, whole)).toBe(false)
    expect(isSubset({ b: { c: [{ d: 1 }, {}] } }, whole)).toBe(false)
    expect(isSubset({ a: '1' }, whole)).toBe(false)
    expect(isSubset({ a: { x: 1 } }, whole)).toBe(false)
    expect(isSubset({ a: undefined }, {})).toBe(true)
    expect(isSubset({ a: undefined }, { a: 1 })).toBe(true)
    expect(isSubset([1], { 0: 1 })).toBe(false)
  })
})
