import { expect, test } from 'vitest'
import type { Route } from '../../src/sink/plan.ts'
import { RouteCache, RouteKey, RouteRoom } from '../../src/sink/route-cache.ts'

/** Places of two texts in one buffer; null: there is none. */
function keyOf(namespace: string | null, eventName: string | null, partitionStartMs = 0): RouteKey {
  const key = new RouteKey()
  key.bytes = Buffer.from(`..${namespace ?? ''}..${eventName ?? ''}..`)
  key.namespaceAt = 2
  key.namespaceLength = namespace?.length ?? -1
  key.eventNameAt = 4 + (namespace?.length ?? 0)
  key.eventNameLength = eventName?.length ?? -1
  key.partitionStartMs = partitionStartMs
  return key
}

const routeTo = (path: string): Route => ({ kind: 'object', path, isOneLine: true })

test('a route is found by what it follows from, and by nothing else', () => {
  const cache = new RouteCache(new RouteRoom())
  const keys = [
    keyOf('acme', 'login'),
    keyOf('acme', 'logou'),
    keyOf('acmel', 'ogin'),
    keyOf(null, 'login'),
    keyOf('acme', null),
    keyOf('acme', 'login', 900_000),
  ]
  keys.forEach((key, i) => {
    expect(cache.find(key)).toBeUndefined()
    cache.add(key, routeTo(`${i}`))
  })
  expect(keys.map((key) => cache.find(key))).toEqual(keys.map((_, i) => routeTo(`${i}`)))
})

test('it keeps its own copy of what it compares with', () => {
  const cache = new RouteCache(new RouteRoom())
  const lent = keyOf('acme', 'login')
  cache.add(lent, routeTo('a'))
  lent.bytes.fill('#')
  expect(cache.find(keyOf('acme', 'login'))).toEqual(routeTo('a'))
})

test('those of all topics together do not grow without end, as time partitions pass, and what came last is known', () => {
  const room = new RouteRoom()
  const caches = Array.from({ length: 200 }, () => new RouteCache(room))
  for (let day = 0; day <= 100; day++)
    for (const cache of caches) cache.add(keyOf('acme', null, day), routeTo(`${day}`))
  const known = caches.flatMap((cache) => [0, 99, 100].filter((day) => cache.find(keyOf('acme', null, day))))
  expect(known).toEqual(caches.map(() => 100))
})

test('it keeps no long texts, which are a mistake and would be as much memory as somebody sends', () => {
  const cache = new RouteCache(new RouteRoom())
  const long = 'x'.repeat(257)
  for (const key of [keyOf(long, 'login'), keyOf('acme', long)]) {
    cache.add(key, routeTo('a'))
    expect(cache.find(key)).toBeUndefined()
  }
})
