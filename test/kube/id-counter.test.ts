import { expect, test, vi } from 'vitest'
import { ID_LABEL } from '../../src/contract/names.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { IdCounter, parseId } from '../../src/kube/id-counter.ts'
import { CONFIG_MAPS, CONNECTORS } from '../../src/kube/kinds.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { aConnector } from '../support/connectors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryKubeApi } from '../support/memory-kube-api.ts'

const REF = { namespace: 'install', name: 'ids' }

function aCounter(api: MemoryKubeApi): IdCounter {
  return new IdCounter({ api, ref: REF, namespaces: undefined, clock: systemClock })
}

test('ids are 1, 2, 3 and the ConfigMap keeps the last one', async () => {
  const api = new MemoryKubeApi()
  const counter = aCounter(api)
  expect([await counter.next(), await counter.next(), await counter.next()]).toEqual([1, 2, 3])
  expect(api.peek(CONFIG_MAPS, REF)?.data).toEqual({ lastId: '3' })
})

test.each([
  ['from the beginning', undefined],
  ['where there is a counter', { lastId: '0' }],
])('two processes that count at the same time never get the same number, %s', async (_where, data) => {
  const api = new MemoryKubeApi()
  if (data) api.put(CONFIG_MAPS, { metadata: REF, data })
  const counters = [aCounter(api), aCounter(api)]
  const ids = await Promise.all(Array.from({ length: 60 }, (_, i) => counters[i % 2]?.next()))
  expect(new Set(ids).size).toBe(60)
  expect(Math.max(...ids.map((id) => id ?? 0))).toBe(60)
})

test('who is never the one that counts first gives up and says so', async () => {
  const api = new MemoryKubeApi()
  const clock = new FakeClock()
  api.put(CONFIG_MAPS, { metadata: REF, data: { lastId: '7' } })
  const replace = vi.spyOn(api, 'replace').mockRejectedValue(new KubeApiError(409, 'Conflict', 'modified'))
  const next = new IdCounter({ api, ref: REF, namespaces: undefined, clock }).next().catch((error: Error) => error)
  await clock.advance(60_000)
  for (let i = 0; i < 100; i++) await clock.advance(1_000)
  expect(await next).toMatchObject({ status: 409 })
  expect(replace).toHaveBeenCalledTimes(31)
})

test('what waits while a number is taken shares the next write', async () => {
  const api = new MemoryKubeApi()
  const counter = aCounter(api)
  await Promise.all(Array.from({ length: 50 }, () => counter.next()))
  expect(api.calls.filter((call) => call === 'create configmaps' || call === 'update configmaps')).toHaveLength(2)
})

test('a counter that was lost goes on behind the ids that are in use', async () => {
  const api = new MemoryKubeApi()
  api.put(CONNECTORS, aConnector({ name: 'a', labels: { [ID_LABEL]: '41' } }))
  expect(await aCounter(api).next()).toBe(42)
})

test.each([[undefined], [['games', 'others']], [['others', 'games']]])(
  'it looks at every page of the connectors of its namespaces (%j)',
  async (namespaces) => {
    const api = new MemoryKubeApi()
    for (let id = 1; id <= 501; id++)
      api.put(CONNECTORS, aConnector({ name: `c${id}`, labels: { [ID_LABEL]: String(id) } }))
    api.put(CONNECTORS, aConnector({ namespace: 'others', name: 'b', labels: { [ID_LABEL]: '7' } }))
    const counter = new IdCounter({ api, ref: REF, namespaces, clock: systemClock })
    expect(await counter.last()).toBe(501)
    expect(await counter.next()).toBe(502)
  },
)

test('a failure is told to whoever waits, and the next call tries again', async () => {
  const api = new MemoryKubeApi()
  const counter = aCounter(api)
  api.failures.set('get configmaps', new Error('no answer'))
  await expect(counter.next()).rejects.toThrow('no answer')
  expect(await counter.next()).toBe(1)
})

test('a counter that somebody has spoilt is not guessed at', async () => {
  const api = new MemoryKubeApi()
  api.put(CONFIG_MAPS, { metadata: REF, data: { lastId: 'many' } })
  await expect(aCounter(api).next()).rejects.toThrow('ConfigMap install/ids: lastId is "many"')
})

test.each(['0', '01', '-1', '1.0', '1e3', ' 1', '', '9'.repeat(16), undefined])('%j is no id', (text) => {
  expect(parseId(text)).toBeUndefined()
})
