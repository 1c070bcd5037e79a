import type { FoundOffset } from '../../src/sink/kafka/offset-calls.ts'
import type { ApiCall } from '../../src/sink/kafka/protocol.ts'

export const SESSION_TIMEOUT_MS = 6_000
export const REBALANCE_TIMEOUT_MS = 12_000

/** Codes of the Kafka protocol. */
export const CODES = {
  OK: 0,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  MEMBER_ID_REQUIRED: 79,
} as const

/** Parameters of the requests that a group member sends, by kafkajs's names of the APIs. */
export interface GroupApis {
  readonly GroupCoordinator: object
  readonly JoinGroup: {
    readonly memberId: string
    readonly groupProtocols: readonly { readonly metadata: Buffer }[]
  }
  readonly SyncGroup: {
    readonly memberId: string
    readonly generationId: number
    readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]
  }
  readonly Heartbeat: MemberOf
  readonly LeaveGroup: { readonly memberId: string }
  readonly OffsetCommit: MemberOf & {
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly (FoundOffset & { readonly partition: number })[]
    }[]
  }
  readonly OffsetFetch: {
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number }[]
    }[]
  }
}

export interface MemberOf {
  readonly memberId: string
  readonly groupGenerationId: number
}

/** A request to the coordinator before it is bytes. */
export type GroupCall = {
  [Api in keyof GroupApis]: { readonly api: Api; readonly parameters: GroupApis[Api] }
}[keyof GroupApis]

export function groupCall({ request, parameters }: ApiCall<unknown>): GroupCall {
  return { api: request.apiName, parameters } as GroupCall
}
