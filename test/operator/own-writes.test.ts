import { expect, it } from 'vitest'
import { OwnWrites } from '../../src/operator/own-writes.ts'
import { aSpec } from './builders.ts'

const KEY = 'games/events'
const at = (resourceVersion: string) => ({
  apiVersion: 'analytics-connector.io/v1alpha1' as const,
  kind: 'AnalyticsConnector' as const,
  metadata: { name: 'events', namespace: 'games', resourceVersion },
  spec: aSpec(),
})

it('knows what it wrote until the cache has it, also after several writes', () => {
  const writes = new OwnWrites()
  writes.remember(KEY, '1', at('2'))
  writes.remember(KEY, '2', at('3'))
  expect(writes.newest(KEY, at('1'))).toEqual(at('3'))
  expect(writes.newest(KEY, at('2'))).toEqual(at('3'))
  expect(writes.newest(KEY, at('3'))).toEqual(at('3'))
  // From here on the cache is the newer one, whatever it shows.
  expect(writes.newest(KEY, at('1'))).toEqual(at('1'))
})

it('gives way to what somebody else wrote, and to the end of the connector', () => {
  const writes = new OwnWrites()
  writes.remember(KEY, '1', at('2'))
  expect(writes.newest(KEY, at('7'))).toEqual(at('7'))
  writes.remember(KEY, '7', at('8'))
  expect(writes.newest(KEY, undefined)).toBeUndefined()
  expect(writes.newest('games/other', at('5'))).toEqual(at('5'))
})
