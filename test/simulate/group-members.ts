import type { MemberIdentity } from '../../src/sink/kafka/protocol.ts'
import { CODES, type GroupApis, REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './group-apis.ts'
import type { World } from './world.ts'

/** A generation that was stable, as a coordinator keeps it in the log. */
export interface StoredGroup {
  readonly generationId: number
  readonly leaderId: string
  readonly members: ReadonlyMap<string, { readonly metadata: Buffer; readonly assignment: Buffer }>
}

interface Member {
  metadata: Buffer
  assignment: Buffer
  /** Set while its JoinGroup waits for the others. */
  joining: ((answer: object) => void) | null
  /** Set while its SyncGroup waits for the leader's. */
  syncing: ((answer: object) => void) | null
  expiresAtMs: number
}

type State = 'empty' | 'preparing' | 'completing' | 'stable'

/** Members, sessions and generations of one group at one coordinator. Source: GroupCoordinator.scala, GroupMetadata.scala. */
export class GroupMembers {
  readonly #world: World
  readonly #store: (group: StoredGroup) => void
  readonly #members = new Map<string, Member>()
  /** Ids that were given away and not used yet (KIP-394). */
  readonly #pending = new Set<string>()
  #state: State
  #generationId: number
  #leaderId: string
  #cancelDeadline: () => void = () => {}
  #isClosed = false

  constructor(world: World, { generationId, leaderId, members }: StoredGroup, store: (group: StoredGroup) => void) {
    this.#world = world
    this.#store = store
    this.#generationId = generationId
    this.#leaderId = leaderId
    for (const [memberId, { metadata, assignment }] of members) {
      const member = { metadata, assignment, joining: null, syncing: null, expiresAtMs: 0 }
      this.#members.set(memberId, member)
      this.#keep(memberId, member)
    }
    this.#state = members.size === 0 ? 'empty' : 'stable'
  }

  /** The broker is not the coordinator any more. */
  close(): void {
    this.#isClosed = true
    this.#cancelDeadline()
    for (const { joining, syncing } of this.#members.values()) {
      joining?.({ errorCode: CODES.NOT_COORDINATOR })
      syncing?.({ errorCode: CODES.NOT_COORDINATOR })
    }
  }

  join({ memberId, groupProtocols }: GroupApis['JoinGroup']): object | Promise<object> {
    if (memberId === '') return this.#givenId()
    const metadata = groupProtocols[0]?.metadata as Buffer
    const known = this.#members.get(memberId)
    if (!known && !this.#pending.delete(memberId)) return { errorCode: CODES.UNKNOWN_MEMBER_ID }
    if (known && this.#knowsAlready(memberId, known, metadata)) return this.#joined(memberId)
    const { promise, resolve } = Promise.withResolvers<object>()
    const member = known ?? { metadata, assignment: Buffer.alloc(0), joining: null, syncing: null, expiresAtMs: 0 }
    Object.assign(member, { metadata, joining: resolve, expiresAtMs: Number.POSITIVE_INFINITY })
    this.#members.set(memberId, member)
    this.#prepare()
    this.#completeWhenAllJoined()
    return promise
  }

  sync({ memberId, generationId, groupAssignment }: GroupApis['SyncGroup']): object | Promise<object> {
    const member = this.#members.get(memberId)
    if (!member) return { errorCode: CODES.UNKNOWN_MEMBER_ID }
    if (generationId !== this.#generationId) return { errorCode: CODES.ILLEGAL_GENERATION }
    if (this.#state === 'preparing') return { errorCode: CODES.REBALANCE_IN_PROGRESS }
    this.#keep(memberId, member)
    if (this.#state === 'stable') return { errorCode: CODES.OK, memberAssignment: member.assignment }
    const { promise, resolve } = Promise.withResolvers<object>()
    member.syncing = resolve
    if (memberId === this.#leaderId) this.#assign(groupAssignment)
    return promise
  }

  heartbeat(identity: MemberIdentity): number {
    const code = this.#codeOf(identity)
    return code === CODES.OK && this.#state === 'preparing' ? CODES.REBALANCE_IN_PROGRESS : code
  }

  leave(memberId: string): number {
    this.#pending.delete(memberId)
    if (!this.#members.has(memberId)) return CODES.UNKNOWN_MEMBER_ID
    this.#remove(memberId)
    return CODES.OK
  }

  mayCommit(identity: MemberIdentity): number {
    const code = this.#codeOf(identity)
    return code === CODES.OK && this.#state === 'completing' ? CODES.REBALANCE_IN_PROGRESS : code
  }

  #givenId(): object {
    const memberId = this.#world.nextId('m')
    this.#pending.add(memberId)
    this.#world.schedule(SESSION_TIMEOUT_MS, 'pending member', () => this.#pending.delete(memberId))
    return { errorCode: CODES.MEMBER_ID_REQUIRED, memberId }
  }

  /** The answer to an earlier JoinGroup was lost. The leader of a stable group has a reason to ask again. */
  #knowsAlready(memberId: string, { metadata }: Member, now: Buffer): boolean {
    const isSettled = this.#state === 'completing' || (this.#state === 'stable' && memberId !== this.#leaderId)
    return isSettled && metadata.equals(now)
  }

  #codeOf({ memberId, generationId }: MemberIdentity): number {
    const member = this.#members.get(memberId)
    if (!member) return CODES.UNKNOWN_MEMBER_ID
    if (generationId !== this.#generationId) return CODES.ILLEGAL_GENERATION
    this.#keep(memberId, member)
    return CODES.OK
  }

  /** Its session goes on; one that waits for the others cannot expire. */
  #keep(memberId: string, member: Member): void {
    const isWatched = member.expiresAtMs > this.#world.nowMs && Number.isFinite(member.expiresAtMs)
    if (member.joining === null) member.expiresAtMs = this.#world.nowMs + SESSION_TIMEOUT_MS
    if (!isWatched) this.#watch(memberId, member)
  }

  #watch(memberId: string, member: Member): void {
    this.#world.schedule(SESSION_TIMEOUT_MS, 'session', () => {
      if (this.#isClosed || this.#members.get(memberId) !== member || member.joining) return
      if (member.expiresAtMs > this.#world.nowMs) {
        this.#watch(memberId, member)
        return
      }
      this.#world.note('group', `${memberId} expires`)
      this.#world.tally.add('members expelled')
      this.#remove(memberId)
    })
  }

  #remove(memberId: string): void {
    this.#members.delete(memberId)
    this.#prepare()
    this.#completeWhenAllJoined()
  }

  #prepare(): void {
    if (this.#state === 'preparing') return
    for (const member of this.#members.values()) {
      member.syncing?.({ errorCode: CODES.REBALANCE_IN_PROGRESS })
      member.syncing = null
    }
    this.#state = 'preparing'
    this.#setDeadline(({ joining }) => joining !== null)
  }

  /** Who has not done by the rebalance timeout what everybody waits for is expelled. */
  #setDeadline(hasDone: (member: Member) => boolean): void {
    this.#cancelDeadline()
    this.#cancelDeadline = this.#world.schedule(REBALANCE_TIMEOUT_MS, 'rebalance timeout', () => {
      for (const [memberId, member] of this.#members)
        if (!hasDone(member)) {
          this.#world.tally.add('members expelled')
          this.#members.delete(memberId)
        }
      this.#prepare()
      this.#completeWhenAllJoined()
    })
  }

  #completeWhenAllJoined(): void {
    const members = [...this.#members]
    if (this.#state !== 'preparing' || members.some(([, { joining }]) => joining === null)) return
    this.#cancelDeadline()
    this.#generationId++
    this.#state = members.length === 0 ? 'empty' : 'completing'
    if (!this.#members.has(this.#leaderId)) this.#leaderId = members[0]?.[0] ?? ''
    if (members.length === 0) {
      this.#keepInLog()
      return
    }
    this.#world.note('group', `generation ${this.#generationId}: ${members.map(([memberId]) => memberId).join(', ')}`)
    this.#world.tally.add('rebalances')
    this.#setDeadline(({ syncing }) => syncing !== null)
    for (const [memberId, member] of members) {
      const answer = member.joining
      member.joining = null
      member.expiresAtMs = 0
      this.#keep(memberId, member)
      answer?.(this.#joined(memberId))
    }
  }

  #joined(memberId: string): object {
    const isLeader = memberId === this.#leaderId
    const members = [...this.#members].map(([id, { metadata }]) => ({ memberId: id, memberMetadata: metadata }))
    const generation = { generationId: this.#generationId, leaderId: this.#leaderId, memberId }
    return { errorCode: CODES.OK, ...generation, members: isLeader ? members : [] }
  }

  #assign(plan: GroupApis['SyncGroup']['groupAssignment']): void {
    const assignments = new Map(plan.map(({ memberId, memberAssignment }) => [memberId, memberAssignment]))
    this.#cancelDeadline()
    this.#state = 'stable'
    for (const [memberId, member] of this.#members) {
      member.assignment = assignments.get(memberId) ?? Buffer.alloc(0)
      member.syncing?.({ errorCode: CODES.OK, memberAssignment: member.assignment })
      member.syncing = null
    }
    this.#keepInLog()
  }

  #keepInLog(): void {
    const members = new Map([...this.#members].map(([id, { metadata, assignment }]) => [id, { metadata, assignment }]))
    this.#store({ generationId: this.#generationId, leaderId: this.#leaderId, members })
  }
}
