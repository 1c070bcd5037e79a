import type { CommittedOffset } from '../record-source.ts'
import type { TopicPartitions } from './assignment.ts'
import { type EpochEnd, UNKNOWN_EPOCH } from './leader-epochs.ts'
import { type ApiCall, Decoder, Encoder, type MemberIdentity } from './protocol.ts'

/*
 * The requests that tell leader epochs (KIP-320; Kafka 2.1 and 2.3): kafkajs ends one version before them, but can write and read
 * their primitives.
 */

/** What the coordinator keeps of a partition, with the epoch of the record before it: UNKNOWN_EPOCH where none was told. */
export interface FoundOffset extends CommittedOffset {
  readonly leaderEpoch: number
}

export interface PartitionCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly metadata: string
  /** Of the record before the offset. Absent: unknown. */
  readonly leaderEpoch?: number
  /** Of the topic that the offset is of; OffsetCommit cannot say it. */
  readonly topicId?: string | undefined
}

interface ByTopic<Partition> {
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly Partition[] }[]
}

export type OffsetCommitResponse = ByTopic<{ readonly partition: number; readonly errorCode: number }>

/**
 * OffsetCommit request version 6 => groupId string · generationId int32 · memberId string · [topic [partition]]
 *   partition => index int32 · offset int64 · leaderEpoch int32 · metadata string
 * OffsetCommit response version 6 => throttleTimeMs int32 · [topic [partition]]
 *   partition => index int32 · errorCode int16
 */
export function offsetCommitCall(
  groupId: string,
  { memberId, generationId }: MemberIdentity,
  commits: readonly PartitionCommit[],
): ApiCall<OffsetCommitResponse> {
  const topics = topicsOf(commits)
  const encode = () =>
    writeByTopic(
      new Encoder().writeString(groupId).writeInt32(generationId).writeString(memberId),
      topics,
      (encoder, { partition, offset, leaderEpoch = UNKNOWN_EPOCH, metadata }) =>
        encoder.writeInt32(partition).writeInt64(offset).writeInt32(leaderEpoch).writeString(metadata),
    )
  const decode = (decoder: Decoder) =>
    readByTopic(decoder, () => ({ partition: decoder.readInt32(), errorCode: decoder.readInt16() }))
  return call(
    { apiName: 'OffsetCommit', apiKey: 8, apiVersion: 6 },
    { groupId, memberId, groupGenerationId: generationId, topics },
    encode,
    decode,
  )
}

export type OffsetFetchResponse = ByTopic<FoundOffset & { readonly partition: number; readonly errorCode: number }> & {
  readonly errorCode: number
}

/**
 * OffsetFetch request version 5 => groupId string · [topic [partition int32]] or null
 * OffsetFetch response version 5 => throttleTimeMs int32 · [topic [partition]] · errorCode int16
 *   partition => index int32 · offset int64 · leaderEpoch int32 · metadata string or null · errorCode int16
 *
 * @param wanted empty: every partition that the group has an offset for
 */
export function offsetFetchCall(groupId: string, wanted: readonly TopicPartitions[]): ApiCall<OffsetFetchResponse> {
  const topics = wanted.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition) => ({ partition })),
  }))
  const encode = () => {
    const encoder = new Encoder().writeString(groupId)
    if (topics.length === 0) return encoder.writeInt32(-1)
    return writeByTopic(encoder, topics, (partitions, { partition }) => partitions.writeInt32(partition))
  }
  const decode = (decoder: Decoder) => {
    const byTopic = readByTopic(decoder, () => ({
      partition: decoder.readInt32(),
      offset: readOffset(decoder),
      leaderEpoch: decoder.readInt32(),
      metadata: decoder.readString() ?? '',
      errorCode: decoder.readInt16(),
    }))
    return { ...byTopic, errorCode: decoder.readInt16() }
  }
  return call({ apiName: 'OffsetFetch', apiKey: 9, apiVersion: 5 }, { groupId, topics }, encode, decode)
}

export const OFFSET_FOR_LEADER_EPOCH = { apiKey: 23, apiVersion: 3 } as const
const CONSUMER = -1

export type EpochEndResponse = ByTopic<EpochEnd & { readonly errorCode: number; readonly partition: number }>

/**
 * OffsetForLeaderEpoch request version 3 => replicaId int32 · [topic [partition]]
 *   partition => index int32 · currentLeaderEpoch int32 · leaderEpoch int32
 * OffsetForLeaderEpoch response version 3 => throttleTimeMs int32 · [topic [partition]]
 *   partition => errorCode int16 · index int32 · leaderEpoch int32 · endOffset int64
 */
export function offsetForLeaderEpochCall(topic: string, partition: number, epoch: number): ApiCall<EpochEndResponse> {
  const topics = [{ topic, partitions: [{ partition }] }]
  const encode = () =>
    writeByTopic(new Encoder().writeInt32(CONSUMER), topics, (encoder) =>
      encoder.writeInt32(partition).writeInt32(UNKNOWN_EPOCH).writeInt32(epoch),
    )
  const decode = (decoder: Decoder) =>
    readByTopic(decoder, () => ({
      errorCode: decoder.readInt16(),
      partition: decoder.readInt32(),
      leaderEpoch: decoder.readInt32(),
      endOffset: readOffset(decoder),
    }))
  return call(
    { apiName: 'OffsetForLeaderEpoch', ...OFFSET_FOR_LEADER_EPOCH },
    { topic, partition, epoch },
    encode,
    decode,
  )
}

function call<Response extends object>(
  api: { readonly apiName: string; readonly apiKey: number; readonly apiVersion: number },
  parameters: object,
  encode: () => Encoder,
  decode: (decoder: Decoder) => Response,
): ApiCall<Response> {
  return {
    parameters,
    request: { ...api, encode: async () => encode() },
    response: {
      decode: async (raw) => {
        const decoder = new Decoder(raw)
        // The connection obeys by this name (KIP-219).
        return { clientSideThrottleTime: decoder.readInt32(), ...decode(decoder) }
      },
      parse: async (decoded) => decoded as Response,
    },
    logResponseError: false,
  }
}

function topicsOf(commits: readonly PartitionCommit[]) {
  return [...Map.groupBy(commits, ({ topic }) => topic)].map(([topic, partitions]) => ({ topic, partitions }))
}

function writeByTopic<Partition>(
  encoder: Encoder,
  topics: readonly { readonly topic: string; readonly partitions: readonly Partition[] }[],
  write: (encoder: Encoder, partition: Partition) => Encoder,
): Encoder {
  encoder.writeInt32(topics.length)
  for (const { topic, partitions } of topics) {
    encoder.writeString(topic).writeInt32(partitions.length)
    for (const partition of partitions) write(encoder, partition)
  }
  return encoder
}

function readByTopic<Partition>(decoder: Decoder, read: () => Partition): ByTopic<Partition> {
  return {
    responses: decoder.readArray(() => ({ topic: decoder.readString() ?? '', partitions: decoder.readArray(read) })),
  }
}

function readOffset(decoder: Decoder): bigint {
  return BigInt(decoder.readInt64().toString())
}
