import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignPartitions, type SubscribedMember, type TopicPartitions } from '../../../src/sink/kafka/assignment.ts'

const topics = ['t0', 't1', 't2', 't3']
const partitionsOf = fc
  .array(fc.integer({ min: 0, max: 7 }), { minLength: topics.length, maxLength: topics.length })
  .map((counts) => new Map(counts.map((count, t) => [`t${t}`, Array.from({ length: count }, (_, p) => p)])))
const memberIds = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 6 })
const members = fc.uniqueArray(fc.record({ memberId: fc.string({ minLength: 1 }), topics: fc.subarray(topics) }), {
  minLength: 1,
  maxLength: 6,
  selector: ({ memberId }) => memberId,
})

function flat(assignment: ReadonlyMap<string, readonly TopicPartitions[]>): string[] {
  return [...assignment.values()].flat().flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}-${p}`))
}

function sizes(assignment: ReadonlyMap<string, readonly TopicPartitions[]>): number[] {
  return [...assignment.values()].map((owned) => owned.reduce((sum, { partitions }) => sum + partitions.length, 0))
}

describe('assignPartitions', () => {
  it('gives each partition that has a subscriber to exactly one of its subscribers', () => {
    fc.assert(
      fc.property(members, partitionsOf, (members, partitionsOf) => {
        const assignment = assignPartitions(members, partitionsOf)
        const wanted = new Set(members.flatMap(({ topics }) => topics))
        const expected = [...partitionsOf]
          .filter(([topic]) => wanted.has(topic))
          .flatMap(([topic, ps]) => ps.map((p) => `${topic}-${p}`))
        expect(flat(assignment).sort()).toEqual(expected.sort())
        for (const { memberId, topics } of members)
          for (const { topic } of assignment.get(memberId) ?? []) expect(topics).toContain(topic)
      }),
    )
  })

  it('differs by one partition at most between members that subscribe to the same', () => {
    fc.assert(
      fc.property(memberIds, partitionsOf, (ids, partitionsOf) => {
        const owned = sizes(
          assignPartitions(
            ids.map((memberId) => ({ memberId, topics })),
            partitionsOf,
          ),
        )
        expect(Math.max(...owned) - Math.min(...owned)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('does not depend on the order of members, topics and partitions', () => {
    fc.assert(
      fc.property(members, partitionsOf, (members, partitionsOf) => {
        const reversed = new Map([...partitionsOf].reverse().map(([topic, ps]) => [topic, [...ps].reverse()]))
        const assignment = assignPartitions([...members].reverse(), reversed)
        expect([...assignment].sort()).toEqual([...assignPartitions(members, partitionsOf)].sort())
      }),
    )
  })

  it('has an entry for a member that gets nothing', () => {
    const idle: SubscribedMember = { memberId: 'idle', topics: [] }
    expect(assignPartitions([idle], new Map([['t0', [0]]])).get('idle')).toEqual([])
  })

  it('spares a member that alone subscribes to a topic when it gives out the others', () => {
    const both = { memberId: 'a', topics: ['z-only-a', 'shared'] }
    const one = { memberId: 'b', topics: ['shared'] }
    const assignment = assignPartitions(
      [both, one],
      new Map([
        ['z-only-a', [0, 1]],
        ['shared', [0, 1]],
      ]),
    )
    expect(assignment.get('a')).toEqual([{ topic: 'z-only-a', partitions: [0, 1] }])
    expect(assignment.get('b')).toEqual([{ topic: 'shared', partitions: [0, 1] }])
  })

  it('spreads topics of one partition each', () => {
    const partitionsOf = new Map(['a', 'b', 'c', 'd'].map((topic) => [topic, [0]]))
    const ids = ['m1', 'm2'].map((memberId) => ({ memberId, topics: [...partitionsOf.keys()] }))
    expect(sizes(assignPartitions(ids, partitionsOf))).toEqual([2, 2])
  })
})
