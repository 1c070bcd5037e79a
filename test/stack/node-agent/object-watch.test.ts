import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type Api, ApiError } from './api.ts'
import { watchObjects } from './object-watch.ts'
import type { KubeObject } from './pod.ts'

const object = (name: string, resourceVersion: string): KubeObject => ({
  metadata: { name, namespace: 'games', uid: name, resourceVersion },
})

type Stream = (signal: AbortSignal) => AsyncGenerator<unknown>

/** An API server that answers each list and each watch with the next of these; the last watch never ends by itself. */
async function watching(lists: (() => KubeObject[])[], streams: Stream[]) {
  const paths: string[] = []
  const seen: string[] = []
  const abort = new AbortController()
  const api: Api = {
    connection: { server: 'https://api' },
    call: async <T>(_method: string, path: string) => {
      paths.push(path)
      return { metadata: { resourceVersion: '10' }, items: (lists.shift() ?? (() => []))() } as T
    },
    lines: (path, signal) => {
      paths.push(path)
      return (streams.shift() ?? silence)(signal)
    },
    close: async () => undefined,
  }
  const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).join()
  const handlers = {
    onList: (objects: readonly KubeObject[]) => seen.push(`list ${names(objects)}`),
    onChange: (one: KubeObject) => seen.push(`change ${names([one])}`),
    onDelete: (one: KubeObject) => seen.push(`delete ${names([one])}`),
    onOutage: (message: string) => seen.push(`outage ${message}`),
  }
  const ended = watchObjects(api, '/api/v1/pods', 'spec.nodeName=n', handlers, abort.signal)
  const stop = async () => {
    abort.abort()
    await ended
  }
  return { paths, seen, stop }
}

async function* silence(signal: AbortSignal): AsyncGenerator<unknown> {
  yield* await delay(60_000, [], { signal })
}

const say = (...events: unknown[]): Stream =>
  async function* () {
    yield* events
  }

test('changes and deletions follow the list, and a stream that ends goes on where it was', async () => {
  const events = say({ type: 'MODIFIED', object: object('a', '11') }, { type: 'DELETED', object: object('b', '12') })
  const { paths, seen, stop } = await watching([() => [object('a', '9'), object('b', '8')]], [events])
  await vi.waitUntil(() => paths.length === 3)
  await stop()
  expect(seen).toEqual(['list a,b', 'change a', 'delete b'])
  expect(paths[0]).toBe('/api/v1/pods?fieldSelector=spec.nodeName%3Dn')
  expect(paths.slice(1).map((path) => new URLSearchParams(path).get('resourceVersion'))).toEqual(['10', '12'])
})

test('a bookmark moves the resource version and is nobody’s change', async () => {
  const { paths, seen, stop } = await watching([], [say({ type: 'BOOKMARK', object: object('', '77') })])
  await vi.waitUntil(() => paths.length === 3)
  await stop()
  expect(seen).toEqual(['list '])
  expect(paths[2]).toContain('resourceVersion=77')
})

test('an expired resource version leads to a new list', async () => {
  const expired = say({ type: 'ERROR', object: { code: 410, message: 'too old' } })
  const { seen, stop } = await watching([() => [object('a', '1')], () => [object('b', '2')]], [expired])
  await vi.waitUntil(() => seen.length === 3)
  await stop()
  expect(seen).toEqual(['list a', 'outage too old', 'list b'])
})

test('an API server that is away is asked again, and said to be away once', async () => {
  const away = () => {
    throw new ApiError(503, 'starting')
  }
  const { seen, stop } = await watching([away, away, away, () => [object('a', '1')]], [])
  await vi.waitUntil(() => seen.includes('list a'), 5_000)
  await stop()
  expect(seen).toEqual(['outage starting', 'list a'])
})
