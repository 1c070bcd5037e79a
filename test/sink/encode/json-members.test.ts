import fc from 'fast-check'
import { expect, test } from 'vitest'
import { visitMembers } from '../../../src/sink/encode/json-members.ts'

/** The members as pairs of name and value, parsed one by one; null where the bytes are no object. */
function membersOf(text: string): [string, unknown][] | null {
  const json = Buffer.from(`before${text}after`)
  const members: [string, unknown][] = []
  const isObject = visitMembers(json, 6, json.length - 5, (nameStart, nameEnd, valueStart, valueEnd) => {
    const name = JSON.parse(json.toString('utf8', nameStart - 1, nameEnd + 1)) as string
    members.push([name, JSON.parse(json.toString('utf8', valueStart, valueEnd))])
  })
  return isObject ? members : null
}

test('finds the members that JSON.parse finds, with the values as they stand there', () => {
  const space = fc.constantFrom('', '  ', '\t')
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), space, (event, indent) => {
      const text = `${indent}${JSON.stringify(event, null, indent)}${indent}`
      const pairs = Object.entries(JSON.parse(text) as object)
      expect(membersOf(text)).toEqual(pairs)
    }),
    { numRuns: 100 },
  )
})

test.each([
  '',
  '[]',
  '"{}"',
  '{',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a":1}x',
  '{"a":1',
  '{"a":"',
  '{"a":[1}',
  '{a:1}',
  '{"a":1 "b":2}',
])('%j is no object', (text) => {
  expect(membersOf(text)).toBe(null)
})
