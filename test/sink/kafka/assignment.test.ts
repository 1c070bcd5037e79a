import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Assignment,
  assignPartitions,
  namesOf,
  type SubscribedMember,
  type TopicPartitions,
  withoutHeldByOthers,
} from '../../../src/sink/kafka/assignment.ts'

const topics = ['t0', 't1', 't2', 't3']
const partitionsOf = fc
  .array(fc.integer({ min: 0, max: 7 }), { minLength: topics.length, maxLength: topics.length })
  .map((counts) => new Map(counts.map((count, t) => [`t${t}`, Array.from({ length: count }, (_, p) => p)])))
const memberIds = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 6 })
const owned = fc.array(
  fc.record({ topic: fc.constantFrom(...topics, 'gone'), partitions: fc.uniqueArray(fc.nat(8)) }),
  { maxLength: 3 },
)
const members = fc.uniqueArray(
  fc.record({ memberId: fc.string({ minLength: 1 }), topics: fc.subarray(topics), owned }),
  { minLength: 1, maxLength: 6, selector: ({ memberId }) => memberId },
)
/** Members that subscribe to everything and own what they were given by an assignment before. */
const subscribers = (ids: readonly string[], before: Assignment = new Map()): SubscribedMember[] =>
  ids.map((memberId) => ({ memberId, topics, owned: before.get(memberId) ?? [] }))

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
        const owned = sizes(assignPartitions(subscribers(ids), partitionsOf))
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
    const idle: SubscribedMember = { memberId: 'idle', topics: [], owned: [] }
    expect(assignPartitions([idle], new Map([['t0', [0]]])).get('idle')).toEqual([])
  })

  it('spares a member that alone subscribes to a topic when it gives out the others', () => {
    const both = { memberId: 'a', topics: ['z-only-a', 'shared'], owned: [] }
    const one = { memberId: 'b', topics: ['shared'], owned: [] }
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
    const ids = ['m1', 'm2'].map((memberId) => ({ memberId, topics: [...partitionsOf.keys()], owned: [] }))
    expect(sizes(assignPartitions(ids, partitionsOf))).toEqual([2, 2])
  })
})

describe('when members come and go', () => {
  const memberOf = (assignment: Assignment) =>
    new Map([...assignment].flatMap(([memberId, assigned]) => namesOf(assigned).map((name) => [name, memberId])))
  const moved = (before: Assignment, after: Assignment) => {
    const owners = memberOf(before)
    return [...memberOf(after)].filter(([name, memberId]) => owners.get(name) !== memberId)
  }

  it('nothing moves while the members and partitions stay the same', () => {
    fc.assert(
      fc.property(members, partitionsOf, (members, partitionsOf) => {
        const before = assignPartitions(members, partitionsOf)
        const again = members.map((member) => ({ ...member, owned: before.get(member.memberId) ?? [] }))
        expect([...assignPartitions(again, partitionsOf)]).toEqual([...before])
      }),
    )
  })

  it('a new member gets its share, and nothing moves between the others', () => {
    fc.assert(
      fc.property(memberIds, partitionsOf, (ids, partitionsOf) => {
        const [newcomer = '', ...others] = ids
        const before = assignPartitions(subscribers(others), partitionsOf)
        const after = assignPartitions(subscribers(ids, before), partitionsOf)
        if (others.length === 0) return
        expect(moved(before, after).every(([, memberId]) => memberId === newcomer)).toBe(true)
        const owned = sizes(after)
        expect(Math.max(...owned) - Math.min(...owned)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('is decided in a moment though there are thousands of topics: meanwhile the one who decides sends no heartbeat', () => {
    const partitionsOf = new Map(Array.from({ length: 2_000 }, (_, t) => [`topic-${t}`, [0, 1, 2]]))
    const membersWith = (ids: readonly string[], before: Assignment = new Map()) =>
      subscribers(ids, before).map((member) => ({ ...member, topics: [...partitionsOf.keys()] }))
    const before = assignPartitions(membersWith(['a']), partitionsOf)
    const startedAt = performance.now()
    const after = assignPartitions(membersWith(['a', 'b', 'c', 'd'], before), partitionsOf)
    // As long as a session lasts: beyond that the group goes on without it, and whoever decides next is as slow.
    expect(performance.now() - startedAt).toBeLessThan(15_000)
    expect(sizes(after)).toEqual([1_500, 1_500, 1_500, 1_500])
  }, 60_000)

  it('the others keep all that they have when one leaves', () => {
    fc.assert(
      fc.property(memberIds, partitionsOf, (ids, partitionsOf) => {
        const [leaver = '', ...others] = ids
        const before = assignPartitions(subscribers(ids), partitionsOf)
        const after = assignPartitions(subscribers(others, before), partitionsOf)
        const left = new Set(namesOf(before.get(leaver) ?? []))
        expect(moved(before, after).every(([name]) => left.has(name))).toBe(true)
      }),
    )
  })

  it('of what two members claim neither keeps anything by its claim', () => {
    const owned = [{ topic: 't0', partitions: [0, 1] }]
    const claimants = ['a', 'b'].map((memberId) => ({ memberId, topics, owned }))
    const plan = assignPartitions(claimants, new Map([['t0', [0, 1]]]))
    expect([...withoutHeldByOthers(plan, claimants).values()].flat()).toEqual([])
  })
})

describe('withoutHeldByOthers', () => {
  it('holds back exactly what another member still has', () => {
    fc.assert(
      fc.property(members, partitionsOf, (members, partitionsOf) => {
        const plan = assignPartitions(members, partitionsOf)
        const told = withoutHeldByOthers(plan, members)
        for (const { memberId } of members) {
          const others = new Set(members.filter((m) => m.memberId !== memberId).flatMap((m) => namesOf(m.owned)))
          const expected = namesOf(plan.get(memberId) ?? []).filter((name) => !others.has(name))
          expect(namesOf(told.get(memberId) ?? [])).toEqual(expected)
        }
      }),
    )
  })
})
