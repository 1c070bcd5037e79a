import { encodeOwned } from '../../src/sink/kafka/member-data.ts'
import {
  assignmentOf,
  type JoinGroupResponse,
  joinGroupCall,
  membersOf,
  type SyncGroupResponse,
} from '../../src/sink/kafka/protocol.ts'
import type { CommittedOffset } from '../../src/sink/record-source.ts'
import type { Send } from './design.ts'
import { CODES, type GroupApis } from './group-apis.ts'
import { TOPIC } from './simulated-log.ts'

/** What the broken designs do to the requests of one process. Each function is for one process. */

type Commit = GroupApis['OffsetCommit']

/** A refused commit goes out again under the next generation, as kafkajs's own consumer does it. */
export function resendingRefused(): (send: Send) => Send {
  let refused: Commit | null = null
  return (send) => async (call) => {
    const answer = await send(call)
    if (call.api === 'OffsetCommit' && codesOf(answer).some((code) => code !== CODES.OK)) refused = call.parameters
    if (call.api === 'SyncGroup' && refused && assigned(answer).includes(partitionOf(refused))) {
      const { memberId, generationId } = call.parameters
      const again = { ...refused, memberId, groupGenerationId: generationId }
      refused = null
      await send({ api: 'OffsetCommit', parameters: again }).catch(() => {})
    }
    return answer
  }
}

/** A commit of unknown outcome is sent again, and the tenure goes on. */
export function resendingUnanswered(): (send: Send) => Send {
  return (send) => async (call) => {
    for (;;) {
      try {
        return await send(call)
      } catch (error) {
        if (call.api !== 'OffsetCommit') throw error
      }
    }
  }
}

/** Members do not say what they hold, so that the leader gives it to anybody at once. */
export function claimingNothing(): (send: Send) => Send {
  let joins = 0
  return (send) => (call) => {
    if (call.api !== 'JoinGroup') return send(call)
    const userData = encodeOwned(joins++, [])
    const { parameters } = joinGroupCall({
      ...call.parameters,
      groupId: '',
      sessionTimeout: 0,
      rebalanceTimeout: 0,
      topics: [TOPIC],
      userData,
    })
    return send({ api: 'JoinGroup', parameters: parameters as GroupApis['JoinGroup'] })
  }
}

/** What a member holds it goes on with, whatever has been committed meanwhile. */
export function comparingNothing(): (send: Send) => Send {
  let held: readonly number[] = []
  /** What it has read or committed last. */
  const own = new Map<number, CommittedOffset>()
  return (send) => async (call) => {
    if (call.api === 'JoinGroup') held = claimsOf(call.parameters)
    const answer = await send(call)
    if (call.api === 'OffsetFetch') return withOwn(answer as OffsetFetchAnswer, held, own)
    if (call.api === 'OffsetCommit' && codesOf(answer).every((code) => code === CODES.OK))
      for (const { partition, offset, metadata } of call.parameters.topics.flatMap(({ partitions }) => partitions))
        own.set(partition, { offset, metadata })
    return answer
  }
}

interface OffsetFetchAnswer {
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly FetchedOffset[] }[]
}

interface FetchedOffset {
  readonly partition: number
  readonly offset: bigint
  readonly metadata: string
}

function withOwn(answer: OffsetFetchAnswer, held: readonly number[], own: Map<number, CommittedOffset>): object {
  const responses = answer.responses.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((each) => {
      const { partition, offset, metadata } = each
      if (!held.includes(partition)) own.set(partition, { offset, metadata })
      const committed = own.get(partition) ?? { offset, metadata }
      return { ...each, offset: committed.offset, metadata: committed.metadata }
    }),
  }))
  return { ...answer, responses }
}

/** What a member says that it holds when it joins. */
export function claimsOf({ memberId, groupProtocols }: GroupApis['JoinGroup']): number[] {
  const members = groupProtocols.map(({ metadata }) => ({ memberId, memberMetadata: metadata }))
  return membersOf({ members } as unknown as JoinGroupResponse).flatMap(({ owned }) =>
    owned.flatMap(({ partitions }) => partitions),
  )
}

export function assigned(answer: object): number[] {
  return assignmentOf(answer as SyncGroupResponse).flatMap(({ partitions }) => partitions)
}

function partitionOf({ topics }: Commit): number {
  return topics[0]?.partitions[0]?.partition ?? -1
}

function codesOf(answer: object): number[] {
  const { responses } = answer as { responses: { partitions: { errorCode: number }[] }[] }
  return responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
}
