import { expect, test } from 'vitest'
import { manifestDocuments } from '../../src/bin/manifest-documents.ts'

const names = (text: string) => manifestDocuments(text).map(({ name }) => name)

test('a file may hold several documents; empty ones do not count', () => {
  expect(
    names('---\n# only a comment\n---\nkind: A\nmetadata: {name: a}\n---\nkind: B\nmetadata: {name: b}\n'),
  ).toEqual(['A/a', 'B/b'])
})

test('JSON is YAML', () => {
  expect(names('{"kind": "A", "metadata": {"name": "a"}}')).toEqual(['A/a'])
})

test.each([
  ['{"kind":"A","x":"}{"}\n{"kind":"B"}\n'],
  ['{\n  "kind": "A",\n  "x": {"y": {}}\n}\n{\n  "kind": "B"\n}\n'],
  ['{"kind":"A"}{"kind":"B"}'],
])('JSON objects may stand in a row, as jq prints them: %j', (text) => {
  expect(names(text)).toEqual(['A/(no name)', 'B/(no name)'])
})

test('of JSON objects in a row the line of a fault is told', () => {
  expect(() => manifestDocuments('{"kind":"A"}\n{"kind":"B"}\n{"kind":"C","kind":"D"}\n')).toThrow(/unique.*line 3/)
})

test('a quote that is not closed is told at once, however much follows it', () => {
  expect(() => manifestDocuments(`{"kind": "A", "x: ${'y'.repeat(100_000)}}`)).toThrow('quote')
})

test('the items of a List count one by one, as in what kubectl get -o yaml prints', () => {
  expect(names('kind: List\nitems:\n- kind: A\n  metadata: {name: a}\n- kind: A\n  metadata: {name: b}\n')).toEqual([
    'A/a',
    'A/b',
  ])
})

test('a List in a List counts by its items too, as for kubectl', () => {
  expect(names('kind: List\nitems:\n- kind: List\n  items:\n  - kind: A\n    metadata: {name: a}\n- null\n')).toEqual([
    'A/a',
    'document/(no name)',
  ])
})

test('a boolean may be written as kubectl reads it', () => {
  expect(manifestDocuments('active: yes')[0]?.content).toEqual({ active: true })
})

test.each([
  ['a time, such as that of a restart', 'at: 2026-11-30T10:00:00Z', { at: '2026-11-30T10:00:00Z' }],
  ['a day', '2026-11-30: a', { '2026-11-30': 'a' }],
  ['minutes and seconds', 'flushInterval: 1:30', { flushInterval: '1:30' }],
])('%s is text, as kubectl reads it', (_what, yaml, content) => {
  expect(manifestDocuments(yaml)[0]?.content).toEqual(content)
})

test.each(['text', '- a\n- b\n', 'metadata: {name: 3}', 'metadata:'])(
  '%j has no name, and that is no crash',
  (text) => {
    expect(names(text)).toEqual(['document/(no name)'])
  },
)

test('what is no YAML is refused with its line', () => {
  expect(() => manifestDocuments('a: 1\nb: [')).toThrow(/line 2/)
})

test('what is written once and meant a thousand times is no attack, a chain of such is', () => {
  const items = (aliases: number) =>
    `kind: List\nitems:\n- &first {kind: A, metadata: {name: a}}\n${'- *first\n'.repeat(aliases)}`
  expect(names(items(1_000))).toHaveLength(1_001)
  const chain = ['a', 'b', 'c', 'd', 'e', 'f'].map(
    (name, i, all) => `${name}: &${name} [${`*${all[i - 1]},`.repeat(i && 10)}x]`,
  )
  expect(() => manifestDocuments(chain.join('\n'))).toThrow('alias')
})

test('a field that occurs twice is refused', () => {
  expect(() => manifestDocuments('a: 1\na: 2\n')).toThrow(/unique.*line 2/)
})
