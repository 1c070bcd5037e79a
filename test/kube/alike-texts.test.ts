import { expect, it } from 'vitest'
import { AlikeTexts } from '../../src/kube/alike-texts.ts'

it('gives every text back as it was, whichever came first', () => {
  const texts = [
    '{"name":"a","labels":{"name":"a"},"size":1}',
    '{"name":"b","labels":{"name":"b"},"size":1}',
    '{"name":"b","labels":{"name":"other"},"size":2}',
    '{"name":"a","labels":{"name":"other"},"size":2}',
    // As many quotes, and nothing else in common.
    '[{"some":"x"},{"more":"y"},{"still":"z"}]',
    '{"name":"\\"quoted\\"","size":null}',
    '{"":"","€":"\\u0000\\\\"}',
    '{}',
    '[]',
  ]
  for (const first of texts) {
    const alike = new AlikeTexts()
    alike.pack(first)
    const packed = texts.map((text) => alike.pack(text))
    expect(packed.map((each) => alike.unpack(each))).toEqual(texts)
    // Whether an object has changed is seen by its packed text.
    expect(texts.map((text) => alike.pack(text))).toEqual(packed)
  }
})

it('keeps of a text that is like another one only what differs, and that once', () => {
  const alike = new AlikeTexts()
  const object = (name: string) =>
    JSON.stringify({ metadata: { name, labels: { app: name, tool: 'operator' } }, spec: { selector: { app: name } } })
  alike.pack(object('first'))
  expect(alike.pack(object('second'))).toBe('24"5"second')
})

it('keeps a text that is longer as differences as it is', () => {
  const alike = new AlikeTexts()
  alike.pack('{"a":"b","c":"d"}')
  expect(alike.pack('{"e":"f","g":"h"}')).toBe('{"e":"f","g":"h"}')
})

it('keeps the first texts of no more than 256 shapes', () => {
  const alike = new AlikeTexts()
  const shape = (strings: number, value: string) => JSON.stringify({ list: Array(strings).fill(value) })
  for (let strings = 1; strings <= 256; strings++) alike.pack(shape(strings, 'a'))
  expect(alike.pack(shape(256, 'b'))).not.toBe(shape(256, 'b'))
  expect([alike.pack(shape(257, 'a')), alike.pack(shape(257, 'b'))]).toEqual([shape(257, 'a'), shape(257, 'b')])
  expect(alike.unpack(shape(257, 'b'))).toBe(shape(257, 'b'))
})

it('keeps a text of more than 64 KiB as it is: its models would be more memory than there is', () => {
  const alike = new AlikeTexts()
  const topics = (last: string) => JSON.stringify([...Array(10_000).fill('topic'), last])
  const begun = process.cpuUsage()
  expect([alike.pack(topics('a')), alike.pack(topics('b'))]).toEqual([topics('a'), topics('b')])
  expect(alike.unpack(topics('b'))).toBe(topics('b'))
  expect(process.cpuUsage(begun).user / 1000).toBeLessThan(500)
})
