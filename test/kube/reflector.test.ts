import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { WatchEvent } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { type KubeObject, PODS } from '../../src/kube/kinds.ts'
import { Reflector } from '../../src/kube/reflector.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { added, anObject, bookmark, deleted, modified, scriptedApi, type WatchScript } from './scripted-api.ts'

const cut = new KubeApiError(0, 'Unreachable', 'socket hang up')
const expired = new KubeApiError(410, 'Expired', 'too old resource version')
const initial = (...names: string[]): WatchEvent<KubeObject>[] => [
  ...names.map((name) => added(name, '1')),
  bookmark('10', true),
]

interface Options {
  readonly onEvent?: (event: string) => void
  readonly trim?: (object: KubeObject) => KubeObject
  readonly isCustom?: boolean
}

function setUp(
  script: Parameters<typeof scriptedApi>[0],
  { onEvent = () => {}, trim = (object) => object, isCustom = false }: Options = {},
) {
  const clock = new FakeClock()
  const scripted = scriptedApi(script)
  const events: string[] = []
  const reflector = new Reflector<KubeObject>({
    api: scripted.api,
    kind: PODS,
    scope: { labelSelector: 'ours' },
    clock,
    logger: createLogger('silent'),
    random: () => 1,
    trim,
    isCustom,
    onEvent: ({ type, object }) => {
      const event = `${type} ${object.metadata?.name}@${object.metadata?.resourceVersion}`
      events.push(event)
      onEvent(event)
    },
  })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  return { ...scripted, clock, events, reflector, stop, running }
}

describe('Reflector', () => {
  it('is synced when the bookmark ends a streaming list, and not before', async () => {
    const before = setUp({ watches: [{ events: [added('a', '1')], ending: 'hang' }] })
    await before.clock.advance(0)
    expect(before.reflector.hasSynced).toBe(false)
    expect(before.events).toEqual([])
    const { clock, reflector, events, watches } = setUp({ watches: [{ events: initial('a', 'b'), ending: 'hang' }] })
    await clock.advance(0)
    expect(reflector.hasSynced).toBe(true)
    expect(events).toEqual(['add a@1', 'add b@1'])
    expect([...reflector.objects.keys()]).toEqual(['n/a', 'n/b'])
    expect(watches[0]).toMatchObject({ sendInitialEvents: true, resourceVersion: '', labelSelector: 'ours' })
  })

  it('lets others have their turn while it tells of a long list, and is synced behind it', async () => {
    const told: string[] = []
    let busyMs = 0
    const { clock, events, reflector } = setUp(
      { watches: [{ events: initial('a', 'b', 'c'), ending: 'hang' }] },
      {
        onEvent: () => {
          busyMs += 10
          setImmediate(() => told.push(`${events.length} ${reflector.hasSynced}`))
        },
      },
    )
    clock.elapsed = () => busyMs
    await vi.waitFor(() => expect(reflector.hasSynced).toBe(true))
    expect(told.slice(0, 2)).toEqual(['1 false', '2 false'])
    expect(events).toEqual(['add a@1', 'add b@1', 'add c@1'])
  })

  it('follows additions, changes and deletions', async () => {
    const changes = [added('b', '11'), modified('a', '12'), deleted('b', '13')]
    const { clock, events, reflector } = setUp({
      watches: [{ events: [...initial('a'), ...changes], ending: 'hang' }],
    })
    await clock.advance(0)
    expect(events).toEqual(['add a@1', 'add b@11', 'update a@12', 'delete b@13'])
    expect(reflector.objects.get('n/a')?.metadata?.resourceVersion).toBe('12')
  })

  it('passes over an object that cannot be kept, as one that is nested too deep, and goes on with the others', async () => {
    const toJSON = () => {
      throw new RangeError('Maximum call stack size exceeded')
    }
    const { clock, events, reflector, watches } = setUp(
      { watches: [{ events: [...initial('deep', 'a'), modified('deep', '11'), added('b', '12')], ending: 'hang' }] },
      { trim: (object) => (object.metadata?.name === 'deep' ? ({ ...object, toJSON } as KubeObject) : object) },
    )
    await clock.advance(0)
    expect(reflector.hasSynced).toBe(true)
    expect(events).toEqual(['add a@1', 'add b@12'])
    expect(watches).toHaveLength(1)
  })

  it('says nothing about an event that repeats what it has', async () => {
    const { clock, events } = setUp({
      watches: [{ events: [...initial('a'), modified('a', '1'), deleted('gone', '12')], ending: 'hang' }],
    })
    await clock.advance(0)
    expect(events).toEqual(['add a@1'])
  })

  it('goes on after a cut where it was: behind the last event or bookmark, without listing again', async () => {
    const { clock, events, watches } = setUp({
      watches: [
        { events: [...initial('a'), modified('a', '11'), bookmark('20')], ending: cut },
        { events: [modified('a', '21')], ending: 'hang' },
      ],
    })
    await clock.advance(1_000)
    expect(watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['', '20'])
    expect(watches[1]?.sendInitialEvents).toBe(false)
    expect(events).toEqual(['add a@1', 'update a@11', 'update a@21'])
  })

  it('begins a streaming list anew when it is cut in the middle', async () => {
    const { clock, events, watches } = setUp({
      watches: [
        { events: [added('a', '1'), bookmark('5')], ending: cut },
        { events: initial('b'), ending: 'hang' },
      ],
    })
    await clock.advance(1_000)
    expect(watches[1]).toMatchObject({ resourceVersion: '', sendInitialEvents: true })
    expect(events).toEqual(['add b@1'])
  })

  it('lists again after 410 and tells what happened in between, deletions too', async () => {
    const { clock, events, reflector } = setUp({
      watches: [
        { events: initial('a', 'b'), ending: expired },
        { events: [modified('a', '30'), added('c', '31'), bookmark('32', true)], ending: 'hang' },
      ],
    })
    await clock.advance(1_000)
    expect(events).toEqual(['add a@1', 'add b@1', 'delete b@1', 'update a@30', 'add c@31'])
    expect(reflector.objects.size).toBe(2)
  })

  it('never makes a loop without a pause, not even of 410s or of watches that end at once', async () => {
    const quickly: WatchScript[] = Array.from({ length: 50 }, (_, i) => ({ ending: i % 2 === 0 ? expired : 'end' }))
    const { clock, watches } = setUp({ watches: quickly })
    await clock.advance(2_000)
    expect(watches.length).toBeLessThan(6)
  })

  it('waits longer after each failure, up to five seconds, and shortly again after a success', async () => {
    const failing: WatchScript[] = Array.from({ length: 10 }, () => ({ ending: cut }))
    const { clock, watches } = setUp({
      watches: [...failing, { events: initial('a'), ending: cut }, { ending: 'hang' }],
    })
    const times: number[] = []
    const begun = clock.now()
    for (let seen = 0; clock.now() - begun < 120_000; await clock.advance(100)) {
      while (seen < watches.length) times[seen++] = clock.now()
    }
    const waits = times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) / 100) / 10)
    expect(waits).toEqual([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5, 5, 0.2])
  })

  it('waits as long as the server asks', async () => {
    const busy = new KubeApiError(429, 'TooManyRequests', 'slow down', { retryAfterMs: 5_000 })
    const { clock, watches } = setUp({ watches: [{ ending: busy }, { events: initial('a'), ending: 'hang' }] })
    await clock.advance(4_999)
    expect(watches).toHaveLength(1)
    await clock.advance(1)
    expect(watches).toHaveLength(2)
  })

  it('asks once a minute for what it has no right to, and soon again an API server that has just begun', async () => {
    const forbidden = new KubeApiError(403, 'Forbidden', 'cannot watch')
    const { clock, watches } = setUp({ watches: Array.from({ length: 7 }, () => ({ ending: forbidden })) })
    await clock.advance(3_100)
    expect(watches).toHaveLength(5)
    await clock.advance(59_000)
    expect(watches).toHaveLength(5)
    await clock.advance(1_000)
    expect(watches).toHaveLength(6)
  })

  it('takes the first refusals of an API server that was away for those of one that has just begun', async () => {
    const away = new KubeApiError(0, 'Unreachable', 'connection refused')
    const forbidden = new KubeApiError(403, 'Forbidden', 'cannot watch')
    const failures = [...Array.from({ length: 8 }, () => away), forbidden, forbidden]
    const { clock, watches } = setUp({
      watches: [...failures.map((ending) => ({ ending })), { events: initial('a'), ending: 'hang' }],
    })
    while (watches.length < failures.length - 1) await clock.advance(100)
    await clock.advance(700)
    expect(watches).toHaveLength(failures.length + 1)
  })

  it('reads everything again after five failures in a row: the server may have an older state', async () => {
    const lost = new KubeApiError(504, 'Timeout', 'Too large resource version')
    const failing: WatchScript[] = Array.from({ length: 5 }, () => ({ ending: lost }))
    const { clock, watches } = setUp({
      watches: [{ events: initial('a'), ending: 'end' }, ...failing, { ending: 'hang' }],
    })
    await clock.advance(60_000)
    expect(watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['', '10', '10', '10', '10', '10', ''])
  })

  describe('of a custom kind whose definition is deleted', () => {
    const unknown = new KubeApiError(404, 'Http404', '404 page not found')

    it('has no objects, and lists those of a new definition', async () => {
      const { clock, events, watches, reflector } = setUp(
        {
          watches: [
            { events: initial('a', 'b'), ending: cut },
            { ending: unknown },
            { ending: unknown },
            { events: initial('b', 'c'), ending: 'hang' },
          ],
        },
        { isCustom: true },
      )
      await clock.advance(500)
      expect([events, reflector.objects.size]).toEqual([['add a@1', 'add b@1', 'delete a@1', 'delete b@1'], 0])
      await clock.advance(2_000)
      expect(events.slice(4)).toEqual(['add b@1', 'add c@1'])
      expect(watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['', '10', '', ''])
    })

    it('is not synced before a definition is there', async () => {
      const { clock, reflector } = setUp({ watches: [{ ending: unknown }] }, { isCustom: true })
      await clock.advance(100)
      expect(reflector.hasSynced).toBe(false)
    })

    it('takes 404 for nothing else: of a kind that is always there it is not the API server that says so', async () => {
      const { clock, events } = setUp({ watches: [{ events: initial('a'), ending: unknown }, { ending: unknown }] })
      await clock.advance(2_000)
      expect(events).toEqual(['add a@1'])
    })
  })

  it.each([
    ['the server has no', new KubeApiError(422, 'Invalid', 'sendInitialEvents is forbidden')],
    [
      'etcd is too old for',
      new KubeApiError(500, 'InternalError', 'the required storage feature RequestWatchProgress is disabled'),
    ],
  ])('lists by pages where %s streaming lists, then watches from there', async (_why, refused) => {
    const { clock, watches, lists, events } = setUp({
      watches: [{ ending: refused }, { events: [modified('b', '41')], ending: 'hang' }],
      lists: [
        { items: [anObject('a', '1')], resourceVersion: '40', next: 'page-2' },
        { items: [anObject('b', '2')], resourceVersion: '40' },
      ],
    })
    await clock.advance(0)
    expect(lists).toEqual([{ limit: 500 }, { limit: 500, next: 'page-2' }])
    expect(watches[1]).toMatchObject({ resourceVersion: '40', sendInitialEvents: false })
    expect(events).toEqual(['add a@1', 'add b@2', 'update b@41'])
  })

  it('drops managedFields', async () => {
    const object = { metadata: { namespace: 'n', name: 'a', resourceVersion: '1', managedFields: [{ manager: 'x' }] } }
    const { clock, reflector } = setUp({
      watches: [{ events: [{ type: 'ADDED', object }, bookmark('2', true)], ending: 'hang' }],
    })
    await clock.advance(0)
    expect(reflector.objects.get('n/a')?.metadata).not.toHaveProperty('managedFields')
  })

  it('keeps and tells of what is left by trimming, resumes behind what was trimmed away', async () => {
    const { clock, events, watches } = setUp(
      {
        watches: [
          { events: [...initial('a', 'b'), modified('a', '11'), deleted('b', '12')], ending: cut },
          { ending: 'hang' },
        ],
      },
      { trim: ({ metadata: { namespace = '', name = '' } = {} }) => ({ metadata: { namespace, name } }) },
    )
    await clock.advance(1_000)
    expect(events).toEqual(['add a@undefined', 'add b@undefined', 'delete b@undefined'])
    expect(watches[1]?.resourceVersion).toBe('12')
  })

  it('outlives a handler that throws', async () => {
    const { clock, reflector } = setUp(
      { watches: [{ events: [...initial('a'), added('b', '11')], ending: 'hang' }] },
      {
        onEvent: () => {
          throw new Error('handler')
        },
      },
    )
    await clock.advance(0)
    expect(reflector.objects.size).toBe(2)
  })

  it('ends when it is told to, also while it waits', async () => {
    const { clock, stop, running, watches } = setUp({ watches: [{ ending: cut }] })
    await clock.advance(0)
    stop.abort()
    await running
    expect(watches).toHaveLength(1)
  })
})
