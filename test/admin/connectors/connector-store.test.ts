import { expect, it } from 'vitest'
import { ConnectorStore } from '../../../src/admin/connectors/connector-store.ts'
import { ID_LABEL } from '../../../src/contract/names.ts'
import { ConnectorIds } from '../../../src/kube/connector-ids.ts'
import { KubeApiError } from '../../../src/kube/errors.ts'
import { CONNECTORS } from '../../../src/kube/kinds.ts'
import { aConnector } from '../../support/connectors.ts'
import { MemoryKubeApi } from '../../support/memory-kube-api.ts'

function aStore(namespaces: readonly string[]) {
  const api = new MemoryKubeApi()
  const counter = { next: async () => 1, last: async () => 1 }
  return { api, store: new ConnectorStore({ api, ids: new ConnectorIds({ api, counter, namespaces }), namespaces }) }
}

function refused(verb: string): KubeApiError {
  return new KubeApiError(
    403,
    'Forbidden',
    `x is forbidden: User "admin" cannot ${verb} resource "analyticsconnectors"`,
  )
}

it('lists the connectors of the other namespaces when one was deleted, and the rights in it with it', async () => {
  const { api, store } = aStore(['gone', 'games'])
  api.put(CONNECTORS, aConnector({ name: 'own' }, {}, { id: 7 }))
  api.failures.set('list analyticsconnectors', refused('list'))
  expect((await store.all()).map(({ id }) => id)).toEqual([7])
})

it('does not find a connector any more whose namespace was deleted, and the rights in it with it', async () => {
  const { api, store } = aStore(['gone', 'games'])
  api.put(CONNECTORS, aConnector({ namespace: 'gone', name: 'own', labels: { [ID_LABEL]: '7' } }))
  expect((await store.byId(7))?.metadata.name).toBe('own')
  api.remove(CONNECTORS, { namespace: 'gone', name: 'own' })
  api.failures.set('get analyticsconnectors', refused('get'))
  api.failures.set('list analyticsconnectors', refused('list'))
  expect(await store.byId(7)).toBeUndefined()
})
