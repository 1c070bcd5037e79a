import assignerProtocol from 'kafkajs/src/consumer/assignerProtocol.js'
import Connection, { type KafkaJsLogger, type Sasl as KafkaJsSasl } from 'kafkajs/src/network/connection.js'
import createSocketFactory from 'kafkajs/src/network/socketFactory.js'
import Decoder from 'kafkajs/src/protocol/decoder.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import protocolRequests from 'kafkajs/src/protocol/requests/index.js'
import type { Assignment, SubscribedMember, TopicPartitions } from './assignment.ts'
import { decodeOwned } from './member-data.ts'

/*
 * The only importer of kafkajs, with sasl.ts. Taken from it: connections (framing, timeouts, SASL), request encoders, response
 * decoders. Not taken: its consumer, `Cluster` and `Broker`. They retry inside (a commit must be sent once), fail a whole
 * response for one partition's error code, and reconnect by rules of their own.
 */

export { Connection as KafkaJsConnection, createSocketFactory, Decoder, Encoder, type KafkaJsLogger, type KafkaJsSasl }
export type SocketFactory = ReturnType<typeof createSocketFactory>

const { requests } = protocolRequests
const { MemberMetadata, MemberAssignment } = assignerProtocol

/** One request ready to be sent, and what its answer decodes to. Error codes in the answer are left to the caller. */
export interface ApiCall<Response> {
  /** What is asked, before it was encoded: for who answers without a socket (test/simulate). */
  readonly parameters: object
  readonly request: {
    readonly apiName: string
    readonly apiKey: number
    readonly apiVersion: number
    encode(): Promise<Encoder>
  }
  readonly response: { decode(raw: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<Response> }
  /** Milliseconds; counts only above the connection's own request timeout. */
  readonly requestTimeout?: number
  /** Off: error codes are ours to judge and to log. */
  readonly logResponseError: false
}

/** Versions that every Kafka from 2.4 to 4.x speaks (KIP-896 removed older ones in 4.0). */
export const API_VERSIONS = {
  ApiVersions: 2,
  DeleteGroups: 1,
  DescribeGroups: 2,
  Fetch: 11,
  GroupCoordinator: 2,
  Heartbeat: 3,
  JoinGroup: 5,
  LeaveGroup: 3,
  ListOffsets: 3,
  Metadata: 6,
  SyncGroup: 3,
} as const

function call<Response>(
  api: keyof typeof API_VERSIONS,
  parameters: object,
  decode?: (raw: Buffer) => Response,
): ApiCall<Response> {
  const { request, response, requestTimeout } = requests[api].protocol({ version: API_VERSIONS[api] })(parameters)
  return {
    parameters,
    request,
    response: {
      decode: decode ? async (raw) => decode(raw) : (raw) => response.decode(raw),
      parse: async (decoded) => decoded as Response,
    },
    ...(requestTimeout === undefined ? {} : { requestTimeout }),
    logResponseError: false,
  }
}

export interface ApiVersionsResponse {
  errorCode: number
  apiVersions: { apiKey: number; minVersion: number; maxVersion: number }[]
}
export const apiVersionsCall = () => call<ApiVersionsResponse>('ApiVersions', {})

export interface MetadataResponse {
  clientSideThrottleTime?: number
  brokers: { nodeId: number; host: string; port: number }[]
  clusterId: string | null
  topicMetadata: {
    topicErrorCode: number
    topic: string
    /** Absent before version 10. */
    topicId?: string | undefined
    isInternal: boolean
    partitionMetadata: { partitionErrorCode: number; partitionId: number; leader: number }[]
  }[]
}
/** @param topics empty: all topics that the principal may describe */
export const metadataCall = (topics: readonly string[]) =>
  call<MetadataResponse>('Metadata', { topics, allowAutoTopicCreation: false })

export interface FindCoordinatorResponse {
  errorCode: number
  coordinator: { nodeId: number; host: string; port: number }
}
export const findCoordinatorCall = (groupId: string) => call<FindCoordinatorResponse>('GroupCoordinator', { groupId })

/** A member as the group coordinator knows it. */
export interface MemberIdentity {
  readonly memberId: string
  readonly generationId: number
}

export interface JoinGroupResponse {
  errorCode: number
  generationId: number
  leaderId: string
  memberId: string
  members: { memberId: string; memberMetadata: Buffer }[]
}

/** Name of our assignment protocol within the group. Who joins by another name is refused: it would not wait for partitions to be given up. */
const GROUP_PROTOCOL = 'analytics-connector-cooperative'

export interface JoinParameters {
  readonly groupId: string
  readonly memberId: string
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
  readonly topics: readonly string[]
  readonly userData: Buffer
}
export const joinGroupCall = ({ topics, userData, ...parameters }: JoinParameters) =>
  call<JoinGroupResponse>('JoinGroup', {
    ...parameters,
    protocolType: 'consumer',
    groupProtocols: [
      { name: GROUP_PROTOCOL, metadata: MemberMetadata.encode({ version: 1, topics: [...topics], userData }) },
    ],
  })

/** What the leader was told about the members by JoinGroup. @throws Error where a member's data cannot be read */
export function membersOf(response: JoinGroupResponse): SubscribedMember[] {
  return response.members.map(({ memberId, memberMetadata }) => {
    const { topics, userData } = MemberMetadata.decode(memberMetadata)
    return { memberId, topics, owned: decodeOwned(userData) }
  })
}

export interface SyncGroupResponse {
  errorCode: number
  memberAssignment: Buffer | null
}
export const syncGroupCall = (
  groupId: string,
  identity: MemberIdentity,
  plan: Assignment,
  requestTimeout: number,
): ApiCall<SyncGroupResponse> => ({
  ...call<SyncGroupResponse>('SyncGroup', {
    groupId,
    ...identity,
    groupAssignment: [...plan].map(([memberId, topics]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: 1,
        assignment: Object.fromEntries(topics.map(({ topic, partitions }) => [topic, [...partitions]])),
      }),
    })),
  }),
  requestTimeout,
})

/** A member without partitions gets an empty answer. */
export function assignmentOf({ memberAssignment }: SyncGroupResponse): TopicPartitions[] {
  const decoded = memberAssignment && memberAssignment.length > 0 ? MemberAssignment.decode(memberAssignment) : null
  return Object.entries(decoded?.assignment ?? {}).map(([topic, partitions]) => ({ topic, partitions }))
}

export const heartbeatCall = (groupId: string, { memberId, generationId }: MemberIdentity) =>
  call<{ errorCode: number }>('Heartbeat', { groupId, memberId, groupGenerationId: generationId })

export const leaveGroupCall = (groupId: string, memberId: string) =>
  call<{ errorCode: number; members: { memberId: string; errorCode: number }[] }>('LeaveGroup', { groupId, memberId })

interface TopicResponses<Partition> {
  responses: { topic: string; partitions: Partition[] }[]
}

export const describeGroupCall = (groupId: string) =>
  call<{ groups: { errorCode: number; state: string }[] }>('DescribeGroups', { groupIds: [groupId] })

export const deleteGroupCall = (groupId: string) =>
  call<{ results: { groupId: string; errorCode: number }[] }>('DeleteGroups', [groupId])

/** Only committed records are read (KIP-98): aborted ones never reach a handler, and `latest` is the last stable offset. */
const READ_COMMITTED = 1
const CONSUMER = -1
/** "Timestamps" of ListOffsets that ask for the ends of the log. */
export const EARLIEST = -2
export const LATEST = -1

export const listOffsetsCall = (topic: string, partition: number, timestamp: typeof EARLIEST | typeof LATEST) =>
  call<TopicResponses<{ partition: number; errorCode: number; offset: string }>>('ListOffsets', {
    replicaId: CONSUMER,
    isolationLevel: READ_COMMITTED,
    topics: [{ topic, partitions: [{ partition, timestamp }] }],
  })

export interface FetchParameters {
  readonly maxWaitMs: number
  readonly maxBytes: number
  /** The broker fills its answer in this order. */
  readonly partitions: readonly { topic: string; partition: number; offset: bigint; maxBytes: number }[]
}
export function fetchCall<Response>(
  { maxWaitMs, maxBytes, partitions }: FetchParameters,
  decode: (raw: Buffer) => Response,
): ApiCall<Response> {
  const topics: { topic: string; partitions: object[] }[] = []
  for (const { topic, partition, offset, maxBytes } of partitions) {
    const entry = { partition, fetchOffset: offset.toString(), maxBytes }
    const last = topics.at(-1)
    if (last?.topic === topic) last.partitions.push(entry)
    else topics.push({ topic, partitions: [entry] })
  }
  return call(
    'Fetch',
    { replicaId: CONSUMER, isolationLevel: READ_COMMITTED, maxWaitTime: maxWaitMs, minBytes: 1, maxBytes, topics },
    decode,
  )
}
