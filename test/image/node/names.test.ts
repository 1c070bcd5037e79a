import { expect, test } from 'vitest'
import { answer } from './names.ts'

const addresses = { 'kafka.stack.svc.cluster.local': '10.250.0.1' }

function question(name: string, type: number): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1])
}

test('a known name has its address', () => {
  const asked = question('Kafka.stack.svc.cluster.local', 1)
  const reply = answer(asked, addresses)
  expect(reply.subarray(0, 8)).toEqual(Buffer.from([0xab, 0xcd, 0x84, 0, 0, 1, 0, 1]))
  expect(reply.subarray(12, asked.length)).toEqual(asked.subarray(12))
  expect(reply.subarray(asked.length)).toEqual(Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 250, 0, 1]))
})

test('it has no address of another kind, and another name does not exist', () => {
  const ipv6 = answer(question('kafka.stack.svc.cluster.local', 28), addresses)
  expect([ipv6.readUInt16BE(2), ipv6.readUInt16BE(6)]).toEqual([0x8400, 0])
  const unknown = answer(question('kafka', 1), addresses)
  expect([unknown.readUInt16BE(2), unknown.readUInt16BE(6)]).toEqual([0x8403, 0])
})
