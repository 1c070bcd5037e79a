import { expect, test } from 'vitest'
import { beginningOf } from '../../src/sink/assignment.ts'
import { encodeIntent, encodeMark, type Intent } from '../../src/sink/commit-metadata.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { sinkConfig } from '../support/sink-process.ts'

const plan = compilePlan(sinkConfig())
const intent: Intent = {
  endOffset: 9n,
  revision: plan.revision,
  clusterId: 'here',
  objects: 1,
  records: 4,
  checksum: '0123abcd',
  reason: 'bytes',
}

const begin = (offset: bigint, metadata: string, epoch = 0, topicId?: string, clusterId = 'here') =>
  beginningOf({
    epoch,
    committed: { offset, metadata },
    clusterId,
    topicId,
    startFrom: 'latest',
    planOf: (revision) => (revision === plan.revision ? plan : null),
  })

test('a group that never committed starts where the configuration says', () => {
  expect(begin(-1n, '')).toEqual({ kind: 'read', from: 'latest' })
})

test('an offset before which everything is done is where reading goes on', () => {
  expect(begin(0n, encodeMark({ clusterId: 'here' }))).toEqual({ kind: 'read', from: 0n })
})

test('an offset that somebody else committed stops the partition and says what to do, until there is a new epoch', () => {
  expect(begin(7n, '')).toEqual({
    kind: 'stop',
    error: expect.stringMatching(/offset 7 is not .*set spec.kafka.epoch/),
  })
  expect(begin(7n, '', 1)).toEqual({ kind: 'read', from: 7n })
})

test('an intent is replayed from its offset under its revision', () => {
  expect(begin(5n, encodeIntent(intent))).toEqual({ kind: 'replay', from: 5n, intent, plan })
})

test('an offset of a topic that was created again stops the partition, until a new epoch reads the new one from its beginning', () => {
  const former = { clusterId: 'here', topicId: 'A' }
  for (const metadata of [encodeMark(former), encodeIntent({ ...intent, ...former })]) {
    expect(begin(5n, metadata, 0, 'B')).toEqual({
      kind: 'stop',
      error: expect.stringMatching(/deleted and created again \(id A before, B now\).*spec\.kafka\.epoch/),
    })
    expect(begin(5n, metadata, 1, 'B')).toEqual({ kind: 'read', from: 'earliest' })
  }
  expect(begin(5n, encodeMark({ ...former, epoch: 2 }), 2, 'B').kind).toBe('stop')
  expect(begin(5n, encodeMark({ ...former, epoch: 2 }), 3, 'B').kind).toBe('read')
})

test('a topic whose id is not known, now or when it was committed, is taken for the same', () => {
  const known = encodeMark({ clusterId: 'here', topicId: 'A' })
  expect(begin(5n, known)).toEqual({ kind: 'read', from: 5n })
  expect(begin(5n, known, 0, 'A')).toEqual({ kind: 'read', from: 5n })
  expect(begin(5n, encodeMark({ clusterId: 'here' }), 0, 'B')).toEqual({ kind: 'read', from: 5n })
})

test('what was committed where no cluster id was told is taken for what it is, and a cluster that tells none for another than one that did', () => {
  expect(begin(5n, encodeMark({}), 0, undefined, '')).toEqual({ kind: 'read', from: 5n })
  expect(begin(5n, encodeMark({}))).toEqual({ kind: 'read', from: 5n })
  expect(begin(5n, encodeMark({ clusterId: 'there' }), 0, undefined, '')).toEqual({
    kind: 'stop',
    error: expect.stringMatching(/cluster there, this is one that tells no id/),
  })
})

test.each([
  ['of another cluster', 5n, encodeIntent({ ...intent, clusterId: 'there' }), /cluster there, this is here/],
  ['of another cluster, all done', 5n, encodeMark({ clusterId: 'there' }), /cluster there, this is here/],
  ['that ends where it begins', 9n, encodeIntent(intent), /offset 9 ends at 9, before it begins/],
  ['without an offset', -1n, encodeIntent(intent), /before it begins/],
  [
    'whose revision is gone',
    5n,
    encodeIntent({ ...intent, revision: 'eeee' }),
    /needs revision eeee .* gone or, after a roll/,
  ],
  ['that is not ours', 5n, 'x', /not ours: x/],
])('metadata %s stops the partition, and says why and how to go on', (_, offset, metadata, error) => {
  const wayOut = '.*To go on, pause .* offset .* set spec\\.kafka\\.epoch'
  const told = new RegExp(error.source + wayOut)
  expect(begin(offset, metadata)).toEqual({ kind: 'stop', error: expect.stringMatching(told) })
})
