import { describe, expect, it } from 'vitest'
import { CONNECTOR_LABEL } from '../../src/contract/names.ts'
import { type KubeObject, PODS } from '../../src/kube/kinds.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { areKnown, IndexedCache } from '../../src/operator/cache.ts'
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

describe('areKnown', () => {
  const seen = (...synced: string[]) => ({
    hasSyncedIn: (namespace: string) => synced.includes(namespace),
    isRefusedIn: (namespace: string) => namespace === 'gone',
  })

  it('waits for everything in a namespace, but for one that it has no right to look into', () => {
    expect(areKnown({ connectors: seen('a', 'b'), pods: seen('a', 'b') }, ['a', 'b'])).toBe(true)
    expect(areKnown({ connectors: seen('a', 'b'), pods: seen('a') }, ['a', 'b'])).toBe(false)
    expect(areKnown({ connectors: seen('a'), pods: seen('a') }, ['a', 'gone'])).toBe(true)
    expect(areKnown({ connectors: seen('a'), pods: seen() }, ['a', 'gone'])).toBe(false)
  })

  it('knows nothing where it has no right to look into any', () => {
    expect(areKnown({ connectors: seen() }, ['gone'])).toBe(false)
  })
})
