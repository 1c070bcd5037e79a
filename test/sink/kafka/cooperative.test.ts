import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Assignment,
  assignPartitions,
  namesOf,
  type TopicPartitions,
  withoutHeldByOthers,
} from '../../../src/sink/kafka/assignment.ts'

/*
 * The argument of docs/decisions/0008 as a model: a coordinator of the classic protocol, members that hold what they were
 * assigned until they have given it up, answers that get lost, members that are expelled and do not know it yet.
 */

const partitionsOf = new Map([['t', [0, 1, 2, 3, 4]]])

interface Member {
  readonly id: string
  held: Set<string>
  /** What it has to give up before it may join again. */
  revoking: Set<string>
  /** What it said when it joined the generation that it has not heard of yet. */
  joinedWith: readonly TopicPartitions[] | null
}

type Tell = (
  plan: Assignment,
  members: { memberId: string; topics: string[]; owned: TopicPartitions[] }[],
) => Assignment

class Group {
  readonly members = new Map<string, Member>()
  readonly #tell: Tell
  #ids = 0

  constructor(tell: Tell) {
    this.#tell = tell
  }

  join(): void {
    const id = `m${++this.#ids}`
    this.members.set(id, { id, held: new Set(), revoking: new Set(), joinedWith: null })
  }

  /** Expelled: what it commits is refused from now on, so what it believes to hold does not count. */
  expel(pick: number): void {
    const id = this.#pick(pick)?.id
    if (id) this.members.delete(id)
  }

  finishRevocation(pick: number): void {
    const member = this.#pick(pick)
    for (const name of member?.revoking ?? []) member?.held.delete(name)
    member?.revoking.clear()
  }

  /** A rebalance: who is still giving something up is waited for, or expelled; some do not get their answer. */
  rebalance(isPatient: boolean, lostAnswers: ReadonlySet<number>): void {
    for (const [id, { revoking }] of this.members) if (revoking.size > 0 && !isPatient) this.members.delete(id)
    const joining = [...this.members.values()]
    for (const [i] of joining.entries()) this.finishRevocation(i)
    const described = joining.map((member) => {
      member.joinedWith = ownedOf(member.held)
      return { memberId: member.id, topics: ['t'], owned: [...member.joinedWith] }
    })
    const told = this.#tell(assignPartitions(described, partitionsOf), described)
    joining.forEach((member, i) => {
      if (!lostAnswers.has(i)) this.#adopt(member, namesOf(told.get(member.id) ?? []))
    })
  }

  holdersOf(name: string): string[] {
    return [...this.members.values()].filter(({ held }) => held.has(name)).map(({ id }) => id)
  }

  get isSettled(): boolean {
    return [...this.members.values()].every(({ revoking, joinedWith }) => revoking.size === 0 && joinedWith === null)
  }

  #adopt(member: Member, assigned: readonly string[]): void {
    member.joinedWith = null
    member.revoking = new Set([...member.held].filter((name) => !assigned.includes(name)))
    for (const name of assigned) member.held.add(name)
  }

  #pick(i: number): Member | undefined {
    return [...this.members.values()][i % Math.max(1, this.members.size)]
  }
}

function ownedOf(held: ReadonlySet<string>): TopicPartitions[] {
  return [{ topic: 't', partitions: [...held].map((name) => Number(name.slice(2))).sort() }]
}

const step = fc.oneof(
  fc.constant({ kind: 'join' } as const),
  fc.record({ kind: fc.constant('expel' as const), pick: fc.nat(5) }),
  fc.record({ kind: fc.constant('finish' as const), pick: fc.nat(5) }),
  fc.record({ kind: fc.constant('rebalance' as const), isPatient: fc.boolean(), lost: fc.uniqueArray(fc.nat(4)) }),
)

const steps = fc.array(step, { maxLength: 25, size: 'max' })

function play(group: Group, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): void {
  for (const each of steps) {
    if (each.kind === 'join') group.join()
    else if (each.kind === 'expel') group.expel(each.pick)
    else if (each.kind === 'finish') group.finishRevocation(each.pick)
    else group.rebalance(each.isPatient, new Set(each.lost))
    for (const name of namesOf([{ topic: 't', partitions: [0, 1, 2, 3, 4] }]))
      if (group.holdersOf(name).length > 1) throw new Error(`${name} is held by ${group.holdersOf(name)}`)
  }
}

describe('members that keep their partitions through a rebalance', () => {
  it('never hold a partition together, whatever comes, goes, is slow or does not hear', () => {
    fc.assert(
      fc.property(steps, (steps) => play(new Group(withoutHeldByOthers), steps)),
      {
        numRuns: 2_000,
      },
    )
  })

  it('would, if a partition were given on at once', () => {
    const { errorInstance } = fc.check(
      fc.property(steps, (steps) => play(new Group((plan) => plan), steps)),
      { numRuns: 2_000 },
    )
    expect(String(errorInstance)).toMatch(/is held by m\d+,m\d+/)
  })

  it('hold everything, each its share, two rebalances after the last change', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const group = new Group(withoutHeldByOthers)
        play(group, steps)
        group.join()
        for (let i = 0; i < 3; i++) group.rebalance(true, new Set())
        expect(group.isSettled).toBe(true)
        const shares = [...group.members.values()].map(({ held }) => held.size)
        expect(shares.reduce((sum, n) => sum + n, 0)).toBe(5)
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
