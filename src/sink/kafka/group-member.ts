import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import { TenureLostError } from '../record-source.ts'
import {
  assignPartitions,
  merged,
  namesOf,
  partitionsOf,
  type TopicPartitions,
  topicsOf,
  withoutHeldByOthers,
} from './assignment.ts'
import { Coordinator, type GroupCluster, type GroupConnection } from './coordinator.ts'
import {
  check,
  errorName,
  isCoordinatorMoved,
  isFenced,
  KafkaConnectionError,
  KafkaError,
  PASSING_FAILURES,
  problemLine,
  reasonOf,
} from './kafka-error.ts'
import { encodeOwned } from './member-data.ts'
import { type FoundOffset, offsetCommitCall, offsetFetchCall, type PartitionCommit } from './offset-calls.ts'
import {
  type ApiCall,
  assignmentOf,
  heartbeatCall,
  type JoinGroupResponse,
  joinGroupCall,
  leaveGroupCall,
  type MemberIdentity,
  membersOf,
  syncGroupCall,
} from './protocol.ts'

/** What one rebalance gave to this member. */
export interface Generation extends MemberIdentity {
  readonly assigned: readonly TopicPartitions[]
  /** Partitions of every topic of the group at the time of assignment; empty unless this member leads the group. */
  readonly plannedFor: ReadonlyMap<string, readonly number[]>
}

export interface GroupMemberOptions {
  readonly cluster: GroupCluster
  readonly clock: Clock
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Partitions of the topics that members subscribe to; asked when this member leads the group. */
  readonly partitionsOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, readonly number[]>>
}

/** Commit metadata is longer than the broker takes. Nothing was committed; the tenure goes on. */
export class CommitMetadataTooLargeError extends Error {
  override readonly name = 'CommitMetadataTooLargeError'
}

/**
 * A member of a consumer group of the classic protocol: each method is one exchange with the group coordinator, and
 * repeats nothing that was sent. When to do what is decided by the caller.
 *
 * A commit carries the (member id, generation) that it is given and is sent at most once. JoinGroup, Heartbeat and
 * OffsetCommit share a connection, on which the broker answers in order: a commit sent before a JoinGroup is decided before it.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #coordinator: Coordinator
  #memberId = ''
  /** Our former member ids, which the coordinator may still count as members. */
  readonly #abandoned = new Set<string>()
  /** The connection on which a heartbeat was answered last. */
  #proven: GroupConnection | null = null
  /** The connection on which committed offsets were read last. */
  #loaded: GroupConnection | null = null

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#coordinator = new Coordinator(options.cluster, options.groupId)
  }

  /**
   * Joins, or joins again as the same member, and waits for the assignment: as long as the slowest member takes, at most
   * the rebalance timeout. Throws KafkaError or KafkaConnectionError; trying again with the same arguments is always right.
   *
   * @param held what this member holds since `heldIn`, its last generation (-1: none)
   */
  async join(topics: readonly string[], held: readonly TopicPartitions[], heldIn: number): Promise<Generation> {
    try {
      // Otherwise the group would wait for the member that we were, until its session ends.
      await this.#leaveAbandoned()
      const joined = await this.#joinGroup(topics, encodeOwned(heldIn, held))
      const { memberId, generationId } = joined
      const isLeader = joined.leaderId === memberId
      const members = isLeader ? membersOf(joined) : []
      const plannedFor = isLeader ? await this.#options.partitionsOf(topicsOf(members)) : new Map()
      const plan = withoutHeldByOthers(assignPartitions(members, plannedFor), members)
      const { groupId, rebalanceTimeoutMs } = this.#options
      const synced = await this.#send(syncGroupCall(groupId, joined, plan, rebalanceTimeoutMs))
      check(`Kafka group ${groupId}: cannot join`, synced.errorCode)
      return { memberId, generationId, assigned: assignmentOf(synced), plannedFor }
    } catch (error) {
      this.#judge(error)
      throw error
    }
  }

  /** Throws KafkaError: REBALANCE_IN_PROGRESS, or one that `isFenced` knows; after any other, and after KafkaConnectionError, try again. */
  async heartbeat(generation: MemberIdentity): Promise<void> {
    try {
      const connection = await this.#connection()
      const { errorCode } = await connection.send(heartbeatCall(this.#options.groupId, generation))
      if (errorCode === 0 || errorName(errorCode) === 'REBALANCE_IN_PROGRESS') this.#proven = connection
      check(`Kafka group ${this.#options.groupId}: heartbeat`, errorCode)
    } catch (error) {
      this.#judge(error)
      throw error
    }
  }

  /**
   * What the group has committed, by `<topic>-<partition>`; offset -1n where it never did. Throws KafkaError, also for one partition's code,
   * or KafkaConnectionError.
   *
   * @param others left out of the answer where their topic may not be described any more, instead of an error
   */
  async committedOffsets(
    partitions: readonly TopicPartitions[],
    others: readonly TopicPartitions[] = [],
  ): Promise<Map<string, FoundOffset>> {
    const asked = merged([...partitions, ...others])
    if (asked.length === 0) return new Map()
    const needed = new Set(namesOf(partitions))
    try {
      const connection = await this.#connection()
      const response = await connection.send(offsetFetchCall(this.#options.groupId, asked))
      check(`Kafka group ${this.#options.groupId}: cannot read committed offsets`, response.errorCode)
      const offsets = new Map<string, FoundOffset>()
      for (const { topic, partitions } of response.responses)
        for (const { partition, errorCode, ...found } of partitions) {
          const name = `${topic}-${partition}`
          if (errorName(errorCode) === 'TOPIC_AUTHORIZATION_FAILED' && !needed.has(name)) continue
          check(`Kafka group ${this.#options.groupId}: cannot read the committed offset of ${name}`, errorCode)
          offsets.set(name, found)
        }
      this.#loaded = connection
      return offsets
    } catch (error) {
      this.#judge(error)
      throw error
    }
  }

  /**
   * Sends commits of several partitions as one request, once. Until a coordinator that knows the identity is found, nothing has been sent: the search
   * goes on until `ended`.
   *
   * @param onTrouble hears again and again why the search takes more than a moment
   * @returns for each commit null, or CommitMetadataTooLargeError, or TenureLostError: refused
   * @throws TenureLostError when there is no answer: all may still be carried out, but not under a later generation
   */
  async commit(
    identity: MemberIdentity,
    commits: readonly PartitionCommit[],
    ended: AbortSignal,
    onTrouble: (error: unknown) => void = () => {},
  ): Promise<(Error | null)[]> {
    const { groupId } = this.#options
    const names = commits.map(({ topic, partition }) => `${topic}-${partition}`)
    const connection = await this.#coordinatorOf(identity, commits, ended, onTrouble)
    if (!connection) throw new TenureLostError(`Kafka group ${groupId}: the tenure ended before a commit was sent`)
    try {
      const { responses } = await connection.send(offsetCommitCall(groupId, identity, commits))
      const codes = new Map(
        responses.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, errorCode }) => [`${topic}-${partition}`, errorCode]),
        ),
      )
      return names.map((name) => this.#verdict(`Kafka group ${groupId}: commit of ${name}`, codes.get(name) ?? -1))
    } catch (error) {
      this.#judge(error)
      throw new TenureLostError(`Kafka group ${groupId}: outcome of the commit of ${names.join(', ')} unknown`, {
        cause: error,
      })
    }
  }

  #verdict(what: string, code: number): Error | null {
    if (code === 0) return null
    const refusal = new KafkaError(what, code)
    this.#judge(refusal)
    return ['OFFSET_METADATA_TOO_LARGE', 'INVALID_COMMIT_OFFSET_SIZE'].includes(refusal.reason)
      ? new CommitMetadataTooLargeError(refusal.message)
      : new TenureLostError(refusal.message, { cause: refusal })
  }

  /**
   * Leaves, so that the others need not wait for the session to end, and gives the member id up for ever. Never rejects:
   * where the coordinator cannot be told now, `join` tells it first.
   */
  async leave(): Promise<void> {
    if (this.#memberId) this.#abandoned.add(this.#memberId)
    this.#memberId = ''
    try {
      await this.#leaveAbandoned()
    } catch {
      // The session timeout does it, unless the next join comes first.
    }
  }

  /** On another connection than JoinGroup, which may still be under way for the very member that leaves. */
  async #leaveAbandoned(): Promise<void> {
    for (const memberId of this.#abandoned) {
      try {
        const connection = await this.#coordinator.connection('data')
        const { errorCode } = await connection.send(leaveGroupCall(this.#options.groupId, memberId))
        if (errorName(errorCode) !== 'UNKNOWN_MEMBER_ID')
          check(`Kafka group ${this.#options.groupId}: cannot leave`, errorCode)
        this.#abandoned.delete(memberId)
      } catch (error) {
        this.#judge(error)
        throw error
      }
    }
  }

  async #joinGroup(topics: readonly string[], userData: Buffer): Promise<JoinGroupResponse> {
    const { groupId, sessionTimeoutMs: sessionTimeout, rebalanceTimeoutMs: rebalanceTimeout } = this.#options
    const request = () =>
      this.#send(
        joinGroupCall({ groupId, memberId: this.#memberId, sessionTimeout, rebalanceTimeout, topics, userData }),
      )
    let joined = await request()
    // KIP-394: a new member is given its id first and joins with it.
    if (errorName(joined.errorCode) === 'MEMBER_ID_REQUIRED') {
      this.#memberId = joined.memberId
      joined = await request()
    }
    check(`Kafka group ${groupId}: cannot join`, joined.errorCode)
    this.#memberId = joined.memberId
    return joined
  }

  /**
   * A connection on which the coordinator has acknowledged the identity and has told offsets, or null once `ended`. A broker that was found
   * a moment ago may still turn out not to be the coordinator. It had better say so to these two requests than to a commit, which cannot be
   * repeated. A heartbeat alone proves too little: a coordinator that is still loading its groups answers every one with success
   * (GroupCoordinatorService.heartbeat), but neither gives nor takes offsets.
   */
  async #coordinatorOf(
    identity: MemberIdentity,
    commits: readonly PartitionCommit[],
    ended: AbortSignal,
    onTrouble: (error: unknown) => void,
  ): Promise<GroupConnection | null> {
    for (let attempt = 0; !ended.aborted; attempt++) {
      try {
        const connection = await this.#connection()
        if (connection !== this.#proven) await this.heartbeat(identity)
        if (connection !== this.#loaded) await this.committedOffsets([], partitionsOf(commits))
        if (connection === this.#proven && connection === this.#loaded) return ended.aborted ? null : connection
      } catch (error) {
        if (isFenced(error)) throw new TenureLostError(problemLine(error), { cause: error })
        if (attempt >= PASSING_FAILURES) onTrouble(error)
      }
      await sleep(this.#options.clock, backoffMs(attempt, { initialMs: 100, maxMs: 2_000 }), ended)
    }
    return null
  }

  async #send<Response>(call: ApiCall<Response>): Promise<Response> {
    return (await this.#connection()).send(call)
  }

  async #connection(): Promise<GroupConnection> {
    try {
      return await this.#coordinator.connection('group')
    } catch (error) {
      this.#judge(error)
      throw error
    }
  }

  /** Gives up what an error shows to be wrong: the coordinator's address, our member id. */
  #judge(error: unknown): void {
    if (error instanceof KafkaConnectionError || isCoordinatorMoved(error)) {
      this.#coordinator.forget()
      this.#loaded = null
    }
    if (isFenced(error) && reasonOf(error) !== 'ILLEGAL_GENERATION') this.#memberId = ''
  }
}
