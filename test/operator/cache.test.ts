import { expect, it } from 'vitest'
import { CONNECTOR_LABEL } from '../../src/contract/names.ts'
import { type KubeObject, PODS } from '../../src/kube/kinds.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { IndexedCache } from '../../src/operator/cache.ts'
import { bookmark, scriptedApi, type WatchScript } from '../kube/scripted-api.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const aPodOf = (connector: string, resourceVersion: string): KubeObject => ({
  metadata: { namespace: 'n', name: 'pod', resourceVersion, labels: { [CONNECTOR_LABEL]: connector } },
})

async function cacheAfter(...events: NonNullable<WatchScript['events']>) {
  const { api } = scriptedApi({ watches: [{ events, ending: 'hang' }] })
  const stop = new AbortController()
  const cache = new IndexedCache({
    api,
    kind: PODS,
    namespaces: undefined,
    select: 'own',
    onEvent: () => {},
    clock: new FakeClock(),
    logger: createLogger('silent'),
  })
  void cache.run(stop.signal)
  await settled()
  stop.abort()
  return cache
}

it('finds an object by the connector that its label names now, not by an earlier one', async () => {
  const cache = await cacheAfter({ type: 'ADDED', object: aPodOf('events', '1') }, bookmark('1', true), {
    type: 'MODIFIED',
    object: aPodOf('set-aside', '2'),
  })
  expect(cache.ofConnector('n/events')).toEqual([])
  expect(cache.ofConnector('n/set-aside')).toHaveLength(1)
})
