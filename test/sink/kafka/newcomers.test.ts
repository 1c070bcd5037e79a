import { expect, test } from 'vitest'
import type { ClusterMetadata, TopicMetadata } from '../../../src/sink/kafka/cluster.ts'
import { Newcomers } from '../../../src/sink/kafka/newcomers.ts'

const [MISSING, FORBIDDEN] = [3, 29]

function metadata(topics: Record<string, Partial<TopicMetadata>>): ClusterMetadata {
  const none = { errorCode: 0, internal: false, leaders: new Map(), partitions: [] }
  const entries = Object.entries(topics).map(([topic, told]) => [topic, { ...none, ...told }] as const)
  return { clusterId: 'c', brokers: new Map(), topics: new Map(entries) }
}

test('a partition is a newcomer where its topic was seen without it', () => {
  const newcomers = new Newcomers()
  newcomers.saw(metadata({ grown: { partitions: [0, 1] }, later: { errorCode: MISSING }, again: { partitions: [0] } }))
  newcomers.saw(
    metadata({ grown: { partitions: [0, 1, 2] }, later: { partitions: [0] }, again: { errorCode: MISSING } }),
  )
  newcomers.saw(metadata({ again: { partitions: [0] } }))
  expect([0, 1, 2].map((partition) => newcomers.has('grown', partition))).toEqual([false, false, true])
  expect([newcomers.has('later', 0), newcomers.has('again', 0)]).toEqual([true, true])
})

test('a topic that could not be seen before may be an old one', () => {
  const newcomers = new Newcomers()
  newcomers.saw(metadata({ forbidden: { errorCode: FORBIDDEN } }))
  newcomers.saw(metadata({ forbidden: { partitions: [0] }, appeared: { partitions: [0] } }))
  expect([newcomers.has('forbidden', 0), newcomers.has('appeared', 0), newcomers.has('unknown', 0)]).toEqual([
    false,
    false,
    false,
  ])
})
