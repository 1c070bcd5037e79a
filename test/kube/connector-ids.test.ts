import { describe, expect, test } from 'vitest'
import { ID_LABEL } from '../../src/contract/names.ts'
import { type Connector, ConnectorIds } from '../../src/kube/connector-ids.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { IdCounter } from '../../src/kube/id-counter.ts'
import { CONFIG_MAPS, CONNECTORS, type ObjectMeta } from '../../src/kube/kinds.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { aConnector } from '../support/connectors.ts'
import { MemoryKubeApi } from '../support/memory-kube-api.ts'

const REF = { namespace: 'install', name: 'ids' }

function setUp(lastId = 10, namespaces?: readonly string[]) {
  const api = new MemoryKubeApi()
  api.put(CONFIG_MAPS, { metadata: REF, data: { lastId: String(lastId) } })
  const counter = new IdCounter({ api, ref: REF, namespaces, clock: systemClock })
  const ids = new ConnectorIds({ api, counter, namespaces })
  const put = (metadata: Partial<ObjectMeta>, statusId?: number): Connector =>
    api.put(CONNECTORS, aConnector(metadata, {}, statusId === undefined ? undefined : { id: statusId }))
  const labelOf = (name: string) => api.peek(CONNECTORS, { namespace: 'games', name })?.metadata.labels?.[ID_LABEL]
  return { api, ids, put, labelOf }
}

describe('ensure', () => {
  test('gives an id to a connector that has none, as a label', async () => {
    const { api, ids, put } = setUp()
    const { id, connector } = await ids.ensure(put({ name: 'new' }))
    expect([id, connector.metadata.labels?.[ID_LABEL]]).toEqual([11, '11'])
    expect(connector).toEqual(api.peek(CONNECTORS, { namespace: 'games', name: 'new' }))
  })

  test('keeps the id of a connector that has one, and writes nothing', async () => {
    const { api, ids, put } = setUp()
    expect(await ids.ensure(put({ name: 'old', labels: { [ID_LABEL]: '7' } }, 7))).toMatchObject({ id: 7 })
    expect(api.calls).toEqual([])
  })

  test('puts back a label that somebody removed or changed', async () => {
    const { ids, put, labelOf } = setUp()
    expect(await ids.ensure(put({ name: 'a' }, 7))).toMatchObject({ id: 7 })
    expect(await ids.ensure(put({ name: 'b', labels: { [ID_LABEL]: '9' } }, 8))).toMatchObject({ id: 8 })
    expect([labelOf('a'), labelOf('b')]).toEqual(['7', '8'])
  })

  test('a manifest copied with its labels does not take the id with it', async () => {
    const { ids, put } = setUp()
    put({ name: 'original', labels: { [ID_LABEL]: '7' } }, 7)
    expect(await ids.ensure(put({ name: 'copy', labels: { [ID_LABEL]: '7' } }))).toMatchObject({ id: 11 })
  })

  test('of two that nobody has noted yet, the older one has the id', async () => {
    const { ids, put } = setUp()
    const labels = { [ID_LABEL]: '7' }
    const copy = put({ name: 'copy', labels, creationTimestamp: '2026-03-01T12:00:05Z' })
    const original = put({ name: 'original', labels, creationTimestamp: '2026-03-01T12:00:00Z' })
    expect(await ids.ensure(original)).toMatchObject({ id: 7 })
    expect(await ids.ensure(copy)).toMatchObject({ id: 11 })
  })

  test('a number that was never given is not an id', async () => {
    const { ids, put } = setUp()
    expect(await ids.ensure(put({ name: 'invented', labels: { [ID_LABEL]: '4711' } }))).toMatchObject({ id: 11 })
  })

  test('says so when the connector has changed since it was read', async () => {
    const { api, ids, put } = setUp()
    const read = put({ name: 'new' })
    api.put(CONNECTORS, { ...read, spec: { ...read.spec, active: false } })
    await expect(ids.ensure(read)).rejects.toMatchObject({ status: 409 })
  })
})

describe('in some namespaces', () => {
  const refused = new KubeApiError(
    403,
    'Forbidden',
    'x is forbidden: User "o" cannot list resource "analyticsconnectors"',
  )

  test('one that was deleted, and the rights in it with it, keeps nobody in another from having an id', async () => {
    const { api, ids, put } = setUp(10, ['gone', 'games'])
    const own = put({ name: 'own', labels: { [ID_LABEL]: '7' } })
    api.failures.set('list analyticsconnectors', refused)
    expect(await ids.ensure(own)).toMatchObject({ id: 7 })
    api.failures.set('list analyticsconnectors', refused)
    expect((await ids.find(7))?.metadata.name).toBe('own')
  })

  test('without the right in any, or without an answer, nothing is known of who has an id', async () => {
    const { api, ids, put } = setUp(10, ['games'])
    const own = put({ name: 'own', labels: { [ID_LABEL]: '7' } })
    api.failures.set('list analyticsconnectors', refused)
    await expect(ids.ensure(own)).rejects.toBe(refused)
    const unreachable = new KubeApiError(0, 'Unreachable', 'no answer')
    const some = setUp(10, ['gone', 'games'])
    some.api.failures.set('list analyticsconnectors', unreachable)
    await expect(some.ids.find(7)).rejects.toBe(unreachable)
  })
})

describe('find', () => {
  test('finds the connector with an id', async () => {
    const { ids, put } = setUp()
    put({ name: 'copy', labels: { [ID_LABEL]: '7' } })
    put({ name: 'original', labels: { [ID_LABEL]: '7' } }, 7)
    expect((await ids.find(7))?.metadata.name).toBe('original')
  })

  test('a connector whose label is not its own id is not found by it', async () => {
    const { ids, put } = setUp()
    put({ name: 'tampered', labels: { [ID_LABEL]: '7' } }, 8)
    expect(await ids.find(7)).toBeUndefined()
  })
})
