import { expect, test } from 'vitest'
import { rejectLine, rejectsKey } from '../../src/sink/rejects.ts'
import { sourceRecord } from '../support/source-records.ts'

const record = sourceRecord({
  offset: 9_007_199_254_740_993n,
  timestampMs: Date.parse('2026-03-01T12:00:00Z'),
  key: Buffer.of(0xff, 0x00),
  value: Buffer.from('no json\n'),
  headers: { trace: Buffer.from('a'), twice: ['b', Buffer.from('c')], none: undefined },
})

test('a reject is one line that holds all of the record', () => {
  const line = rejectLine('t', 3, record, 'not_json').toString()
  expect(line).not.toContain('\n')
  expect(JSON.parse(line)).toEqual({
    topic: 't',
    partition: 3,
    offset: '9007199254740993',
    timestamp: '2026-03-01T12:00:00.000Z',
    reason: 'not_json',
    key: '/wA=',
    headers: { trace: ['YQ=='], twice: ['Yg==', 'Yw=='], none: [null] },
    value: 'bm8ganNvbgo=',
  })
})

test('a tombstone without a key, at a time that no calendar has, can be written', () => {
  const odd = sourceRecord({ offset: 7n, value: null, timestampMs: 8.64e15 + 1 })
  expect(JSON.parse(rejectLine('t', 0, odd, 'tombstone').toString())).toMatchObject({
    key: null,
    value: null,
    timestamp: null,
  })
})

test('the key follows from connector, topic, partition and start of the set', () => {
  expect(rejectsKey('games/game-events', { topic: 'a.b', partition: 7, startOffset: 42n, epoch: 0 })).toBe(
    '_errors/games/game-events/a.b-00007-00000000000000000042.json',
  )
})
