import { expect, it } from 'vitest'
import { ConnectorStore } from '../../../src/admin/connectors/connector-store.ts'
import { ConnectorIds } from '../../../src/kube/connector-ids.ts'
import { KubeApiError } from '../../../src/kube/errors.ts'
import { CONNECTORS } from '../../../src/kube/kinds.ts'
import { aConnector } from '../../support/connectors.ts'
import { MemoryKubeApi } from '../../support/memory-kube-api.ts'

it('lists the connectors of the other namespaces when one was deleted, and the rights in it with it', async () => {
  const api = new MemoryKubeApi()
  const namespaces = ['gone', 'games']
  const counter = { next: async () => 1, last: async () => 1 }
  const store = new ConnectorStore({ api, ids: new ConnectorIds({ api, counter, namespaces }), namespaces })
  api.put(CONNECTORS, aConnector({ name: 'own' }, {}, { id: 7 }))
  const words = 'x is forbidden: User "admin" cannot list resource "analyticsconnectors"'
  api.failures.set('list analyticsconnectors', new KubeApiError(403, 'Forbidden', words))
  expect((await store.all()).map(({ id }) => id)).toEqual([7])
})
