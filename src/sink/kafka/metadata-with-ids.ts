import { type ApiCall, Decoder, Encoder, type MetadataResponse } from './protocol.ts'

/*
 * Metadata version 10, the first that tells topics' ids (KIP-516; Kafka 2.8). kafkajs ends at version 6, before the compact
 * encoding with tagged fields (KIP-482), but can write and read its primitives.
 */
export const METADATA_WITH_IDS = { apiKey: 3, apiVersion: 10 } as const

/** @param topics empty: all topics that the principal may describe */
export function metadataWithIdsCall(topics: readonly string[]): ApiCall<MetadataResponse> {
  return {
    parameters: { topics },
    request: { ...METADATA_WITH_IDS, apiName: 'Metadata', encode: async () => encodeMetadataRequest(topics) },
    response: {
      decode: async (raw) => decodeMetadataResponse(raw),
      parse: async (decoded) => decoded as MetadataResponse,
    },
    logResponseError: false,
  }
}

const NO_ID = Buffer.alloc(16)

/**
 * Metadata request version 10 => header tags · [topic] or null for all · allowAutoTopicCreation bool
 *     · includeClusterAuthorizedOperations bool · includeTopicAuthorizedOperations bool · tags
 *   topic => id uuid · name string · tags
 */
function encodeMetadataRequest(topics: readonly string[]): Encoder {
  const encoder = new Encoder().writeUVarInt(0)
  encoder.writeUVarInt(topics.length === 0 ? 0 : topics.length + 1)
  for (const topic of topics) encoder.writeBuffer(NO_ID).writeUVarIntString(topic).writeUVarInt(0)
  return encoder.writeBoolean(false).writeBoolean(false).writeBoolean(false).writeUVarInt(0)
}

/**
 * Metadata response version 10 => header tags · throttleTimeMs int32 · [broker] · clusterId string · controllerId int32 · [topic]
 *     · clusterAuthorizedOperations int32 · tags
 *   broker => nodeId int32 · host string · port int32 · rack string · tags
 *   topic => errorCode int16 · name string · id uuid · isInternal bool · [partition] · authorizedOperations int32 · tags
 *   partition => errorCode int16 · index int32 · leader int32 · leaderEpoch int32 · [replica int32] · [isr int32] · [offline int32] · tags
 */
function decodeMetadataResponse(raw: Buffer): MetadataResponse {
  const decoder = new Decoder(raw)
  skipTags(decoder)
  const clientSideThrottleTime = decoder.readInt32()
  const brokers = listOf(decoder, () => {
    const broker = { nodeId: decoder.readInt32(), host: decoder.readUVarIntString() ?? '', port: decoder.readInt32() }
    decoder.readUVarIntString()
    skipTags(decoder)
    return broker
  })
  const clusterId = decoder.readUVarIntString()
  decoder.readInt32()
  const topicMetadata = listOf(decoder, () => readTopic(decoder))
  return { clientSideThrottleTime, brokers, clusterId, topicMetadata }
}

function readTopic(decoder: Decoder): MetadataResponse['topicMetadata'][number] {
  const topicErrorCode = decoder.readInt16()
  const topic = decoder.readUVarIntString() ?? ''
  const topicId = idOf(decoder)
  const isInternal = decoder.readBoolean()
  const partitionMetadata = listOf(decoder, () => readPartition(decoder))
  decoder.readInt32()
  skipTags(decoder)
  return { topicErrorCode, topic, topicId, isInternal, partitionMetadata }
}

function readPartition(decoder: Decoder): MetadataResponse['topicMetadata'][number]['partitionMetadata'][number] {
  const partition = {
    partitionErrorCode: decoder.readInt16(),
    partitionId: decoder.readInt32(),
    leader: decoder.readInt32(),
  }
  decoder.readInt32()
  for (let lists = 0; lists < 3; lists++) listOf(decoder, () => decoder.readInt32())
  skipTags(decoder)
  return partition
}

/** As Kafka's tools print it; undefined for a topic that is not there. */
function idOf(decoder: Decoder): string | undefined {
  const bytes = decoder.buffer.subarray(decoder.offset, decoder.offset + NO_ID.length)
  decoder.forward(NO_ID.length)
  return bytes.equals(NO_ID) ? undefined : bytes.toString('base64url')
}

function listOf<T>(decoder: Decoder, read: () => T): T[] {
  return decoder.readUVarIntArray(read) ?? []
}

/** kafkajs's own reading of them counts a byte too much for each. */
function skipTags(decoder: Decoder): void {
  for (let count = decoder.readUVarInt(); count > 0; count--) {
    decoder.readUVarInt()
    decoder.forward(decoder.readUVarInt())
  }
}
