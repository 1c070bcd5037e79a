import { assignPartitions } from '../../src/sink/kafka/assignment.ts'
import type { CommittedOffset } from '../../src/sink/record-source.ts'
import { isIntent } from './design.ts'
import { TOPIC } from './simulated-log.ts'
import type { World } from './world.ts'

export const SESSION_TIMEOUT_MS = 6_000
export const REBALANCE_TIMEOUT_MS = 12_000

/** A code of the Kafka protocol, as the coordinator answers it. */
export class GroupError extends Error {
  override readonly name = 'GroupError'
}

export interface Identity {
  readonly memberId: string
  readonly generationId: number
}

export interface Assigned extends Identity {
  readonly partitions: readonly number[]
}

interface Member {
  /** Set while it waits for the rebalance to be over. */
  joining: ((assigned: Assigned) => void) | null
  expiresAtMs: number
}

/**
 * The group coordinator, as a broker with the classic protocol: members, sessions, generations, and commits that it accepts
 * from the members of the current generation, also while that is being replaced.
 */
export class SimulatedGroup {
  /** How often a member found an intent at the beginning of a tenure. */
  intentsFound = 0
  readonly #committed = new Map<number, CommittedOffset>()
  readonly #world: World
  readonly #partitions: readonly number[]
  readonly #members = new Map<string, Member>()
  #generationId = 0
  #isRebalancing = false
  #memberIds = 0
  #cancelDeadline: () => void = () => {}

  constructor(world: World, partitions: readonly number[]) {
    this.#world = world
    this.#partitions = partitions
  }

  join(formerId: string): Promise<Assigned> {
    if (formerId !== '' && !this.#members.has(formerId)) throw new GroupError('UNKNOWN_MEMBER_ID')
    const memberId = formerId || `m${++this.#memberIds}`
    const { promise, resolve } = Promise.withResolvers<Assigned>()
    this.#members.set(memberId, { joining: resolve, expiresAtMs: Number.POSITIVE_INFINITY })
    this.#rebalance()
    this.#completeWhenAllJoined()
    return promise
  }

  heartbeat({ memberId, generationId }: Identity): void {
    const member = this.#memberOf({ memberId, generationId })
    this.#keep(memberId, member)
    if (this.#isRebalancing) throw new GroupError('REBALANCE_IN_PROGRESS')
  }

  commit(identity: Identity, partition: number, offset: bigint, metadata: string): void {
    this.#keep(identity.memberId, this.#memberOf(identity))
    this.#world.note(
      'group',
      `${identity.memberId}/${identity.generationId} commits ${partition}: ${offset} ${metadata}`,
    )
    this.#committed.set(partition, { offset, metadata })
  }

  /** As a member asks for it after its assignment. */
  fetchOffset(partition: number): CommittedOffset {
    const committed = this.committedOffset(partition)
    if (isIntent(committed.metadata)) this.intentsFound++
    return committed
  }

  committedOffset(partition: number): CommittedOffset {
    return this.#committed.get(partition) ?? { offset: -1n, metadata: '' }
  }

  leave(memberId: string): void {
    if (!this.#members.delete(memberId)) return
    this.#rebalance()
    this.#completeWhenAllJoined()
  }

  #memberOf({ memberId, generationId }: Identity): Member {
    const member = this.#members.get(memberId)
    if (!member) throw new GroupError('UNKNOWN_MEMBER_ID')
    if (generationId !== this.#generationId) throw new GroupError('ILLEGAL_GENERATION')
    return member
  }

  /** Its session goes on. */
  #keep(memberId: string, member: Member): void {
    member.expiresAtMs = this.#world.nowMs + SESSION_TIMEOUT_MS
    this.#watch(memberId, member)
  }

  #watch(memberId: string, member: Member): void {
    const seenUntilMs = member.expiresAtMs
    this.#world.schedule(SESSION_TIMEOUT_MS, 'session', () => {
      if (this.#members.get(memberId) !== member || member.expiresAtMs !== seenUntilMs) return
      this.#world.note('group', `${memberId} expires`)
      this.leave(memberId)
    })
  }

  #rebalance(): void {
    if (this.#isRebalancing || this.#members.size === 0) return
    this.#isRebalancing = true
    this.#cancelDeadline = this.#world.schedule(REBALANCE_TIMEOUT_MS, 'rebalance timeout', () => {
      for (const [memberId, { joining }] of this.#members) if (joining === null) this.#members.delete(memberId)
      this.#completeWhenAllJoined()
    })
  }

  #completeWhenAllJoined(): void {
    const members = [...this.#members]
    if (members.some(([, { joining }]) => joining === null)) return
    this.#cancelDeadline()
    this.#isRebalancing = false
    this.#generationId++
    const subscribed = members.map(([memberId]) => ({ memberId, topics: [TOPIC], owned: [] }))
    const plan = assignPartitions(subscribed, new Map([[TOPIC, this.#partitions]]))
    for (const [memberId, member] of members) {
      const partitions = plan.get(memberId)?.flatMap((each) => each.partitions) ?? []
      this.#world.note(
        'group',
        `generation ${this.#generationId}: ${memberId} has ${partitions.join(', ') || 'nothing'}`,
      )
      const resolve = member.joining
      member.joining = null
      this.#keep(memberId, member)
      resolve?.({ memberId, generationId: this.#generationId, partitions })
    }
  }
}
