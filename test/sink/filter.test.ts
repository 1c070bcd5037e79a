import { expect, test } from 'vitest'
import { topicFilter } from '../../src/sink/filter.ts'

const filter = { acme: ['started', 'ended'], 'acme-eu': ['*'], '*': ['audit'] }

test.each([
  ['acme', 'started', true],
  ['acme', 'other', false],
  ['acme-eu', 'other', true],
  ['stranger', 'started', false],
  ['stranger', 'audit', true],
  [null, 'started', false],
  [null, 'audit', true],
])('namespace %s in topic %s: %s', (namespace, topic, wanted) => {
  expect(topicFilter(filter, topic).wants(namespace)).toBe(wanted)
})

test('the namespace need not be known only where every namespace is wanted', () => {
  expect(topicFilter(filter, 'started').needsNamespace).toBe(true)
  expect(topicFilter(filter, 'audit').needsNamespace).toBe(false)
  expect(topicFilter({ '*': ['*'] }, 'anything').needsNamespace).toBe(false)
})

test('"*" in a namespace is no namespace of that name', () => {
  expect(topicFilter({ acme: ['t'] }, 't').wants('*')).toBe(false)
})
