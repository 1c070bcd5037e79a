import { UNKNOWN_EPOCH } from '../../src/sink/kafka/leader-epochs.ts'
import type { FoundOffset } from '../../src/sink/kafka/offset-calls.ts'
import { CODES, type GroupApis, type GroupCall, type MemberOf } from './group-apis.ts'
import { GroupMembers, type StoredGroup } from './group-members.ts'
import type { World } from './world.ts'

const MOST_LOADING_MS = 3_000

/**
 * The group coordinator, as a broker with the classic protocol: it accepts commits from the members of the current
 * generation, also while that is being replaced, and does not look at who holds which partition. It may move to another
 * broker, which reads the offsets and the last stable generation from the log.
 */
export class SimulatedCoordinator {
  /** One more each time another broker takes over. */
  term = 0
  readonly #world: World
  readonly #committed = new Map<number, FoundOffset>()
  #members: GroupMembers
  #stored: StoredGroup = { generationId: 0, leaderId: '', members: new Map() }
  #loadedAtMs = 0

  constructor(world: World) {
    this.#world = world
    this.#members = this.#newMembers()
  }

  /** Another broker takes over. */
  move(): void {
    this.term++
    this.#world.note('group', `coordinator moves, term ${this.term}`)
    this.#members.close()
    this.#members = this.#newMembers()
    this.#loadedAtMs = this.#world.nowMs + this.#world.random.int(0, MOST_LOADING_MS)
  }

  committedOffset(partition: number): FoundOffset {
    return this.#committed.get(partition) ?? { offset: -1n, leaderEpoch: UNKNOWN_EPOCH, metadata: '' }
  }

  /** What a broker answers on a connection that was opened when it was the coordinator of `term`. */
  answer(term: number, { api, parameters }: GroupCall): object | Promise<object> {
    if (api === 'GroupCoordinator') return { errorCode: CODES.OK, coordinator: addressIn(this.term) }
    if (term !== this.term) return refusal(api, parameters, CODES.NOT_COORDINATOR)
    // GroupCoordinatorService.heartbeat: while groups are loaded every member is told that all is well.
    if (this.#world.nowMs < this.#loadedAtMs)
      return refusal(api, parameters, api === 'Heartbeat' ? CODES.OK : CODES.COORDINATOR_LOAD_IN_PROGRESS)
    switch (api) {
      case 'JoinGroup':
        return this.#members.join(parameters)
      case 'SyncGroup':
        return this.#members.sync(parameters)
      case 'Heartbeat':
        return { errorCode: this.#members.heartbeat(memberOf(parameters)) }
      case 'LeaveGroup':
        return { errorCode: this.#members.leave(parameters.memberId), members: [] }
      case 'OffsetCommit':
        return this.#commit(parameters)
      case 'OffsetFetch':
        return this.#fetch(parameters)
    }
  }

  #newMembers(): GroupMembers {
    return new GroupMembers(this.#world, this.#stored, (stored) => {
      this.#stored = stored
    })
  }

  #commit(parameters: GroupApis['OffsetCommit']): object {
    const member = memberOf(parameters)
    const errorCode = this.#members.mayCommit(member)
    if (errorCode !== CODES.OK) return refusal('OffsetCommit', parameters, errorCode)
    for (const { partitions } of parameters.topics)
      for (const { partition, offset, leaderEpoch, metadata } of partitions) {
        const who = `${member.memberId}/${member.generationId}`
        this.#world.note('group', `${who} commits ${partition}: ${offset} ${metadata}`)
        this.#committed.set(partition, { offset, leaderEpoch, metadata })
      }
    return refusal('OffsetCommit', parameters, CODES.OK)
  }

  #fetch({ topics }: GroupApis['OffsetFetch']): object {
    const responses = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => {
        return { partition, ...this.committedOffset(partition), errorCode: CODES.OK }
      }),
    }))
    return { errorCode: CODES.OK, responses }
  }
}

/** Where the coordinator of a term is to be found. */
export function addressIn(term: number) {
  return { nodeId: term, host: `broker-${term}`, port: 9092 }
}

export function termOf({ host }: { host: string }): number {
  return Number(host.slice('broker-'.length))
}

function memberOf({ memberId, groupGenerationId }: MemberOf): { memberId: string; generationId: number } {
  return { memberId, generationId: groupGenerationId }
}

/** The answer with one code, as each API carries it. */
function refusal(api: keyof GroupApis, parameters: GroupApis[keyof GroupApis], errorCode: number): object {
  if (api !== 'OffsetCommit') return { errorCode, responses: [], members: [], memberId: '', memberAssignment: null }
  const { topics } = parameters as GroupApis['OffsetCommit']
  const responses = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
  }))
  return { responses }
}
