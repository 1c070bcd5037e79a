import type { ConnectionSettings } from './broker-connection.ts'
import { type ClusterMetadata, existingTopics, KafkaCluster } from './cluster.ts'
import { decodeFetchResponse } from './fetch-response.ts'
import { check, isAccessRefused, KafkaError, problemLine } from './kafka-error.ts'
import { fetchCall, findCoordinatorCall, heartbeatCall } from './protocol.ts'
import { explicitTopics, selectTopics, type TopicRule } from './topics.ts'

export interface KafkaAccessOptions extends ConnectionSettings {
  readonly bootstrapServers: readonly string[]
  readonly groupId: string
  readonly topics: TopicRule
}

/** The broker's error code. */
const TOPIC_AUTHORIZATION_FAILED = 29

/** In no group: a heartbeat of it is refused by name, but only after the broker has looked whether we may use the group. */
const NOBODY = { memberId: '', generationId: -1 }

/**
 * Whether Kafka lets us in, use the group and read a topic, found out without joining: by a heartbeat of nobody and a fetch that
 * waits for nothing. One topic that can be read is enough; the others are told once the sink runs, as they are when they vanish later.
 *
 * @throws Error with one line that begins with "Kafka" and names the group, the topic or the broker
 */
export async function checkKafkaAccess(options: KafkaAccessOptions): Promise<void> {
  const cluster = new KafkaCluster(options.bootstrapServers, options)
  try {
    await checkGroup(cluster, options.groupId)
    await checkTopics(cluster, options.topics)
  } catch (error) {
    throw new Error(problemLine(error))
  } finally {
    cluster.close()
  }
}

async function checkGroup(cluster: KafkaCluster, groupId: string): Promise<void> {
  const what = `Kafka group ${groupId}: cannot be used`
  const found = await cluster.sendToAny(findCoordinatorCall(groupId))
  if (isAccessRefused(found.errorCode)) check(what, found.errorCode)
  // One that is not there yet is waited for when joining.
  if (found.errorCode !== 0) return
  const connection = await cluster.connectionTo(found.coordinator, 'data')
  const { errorCode } = await connection.send(heartbeatCall(groupId, NOBODY))
  if (isAccessRefused(errorCode)) check(what, errorCode)
}

async function checkTopics(cluster: KafkaCluster, rule: TopicRule): Promise<void> {
  const metadata = await cluster.refresh(explicitTopics(rule) ?? [])
  const { topics, missing } = selectTopics(rule, existingTopics(metadata))
  const refused = await refusedTopics(cluster, metadata, topics)
  const [unusable, ...others] = [...refused, ...missing]
  // None at all: a wildcard that matches nothing yet.
  if (unusable === undefined || topics.length > refused.length) return
  const why = refused.length > 0 ? mayNotRead(unusable) : whyMissing(unusable, metadata)
  throw new Error(others.length === 0 ? why : `${why} (and ${others.length} more)`)
}

/** Any broker looks whether a topic may be read before it looks whether it leads the partition. */
async function refusedTopics(
  cluster: KafkaCluster,
  metadata: ClusterMetadata,
  topics: readonly string[],
): Promise<string[]> {
  if (topics.length === 0) return []
  const partitions = topics.map((topic) => {
    const [partition = 0] = metadata.topics.get(topic)?.partitions ?? []
    return { topic, partition, offset: 0n, maxBytes: 1 }
  })
  const answer = await cluster.sendToAny(fetchCall({ maxWaitMs: 0, maxBytes: 1, partitions }, decodeFetchResponse))
  return answer.partitions.filter(({ errorCode }) => errorCode === TOPIC_AUTHORIZATION_FAILED).map(({ topic }) => topic)
}

/** Why metadata do not have a topic that is named in the filter. */
export function whyMissing(topic: string, { topics }: ClusterMetadata): string {
  const isRefused = topics.get(topic)?.errorCode === TOPIC_AUTHORIZATION_FAILED
  return isRefused ? mayNotRead(topic) : `Kafka topic ${topic} does not exist`
}

function mayNotRead(topic: string): string {
  return new KafkaError(`Kafka topic ${topic}`, TOPIC_AUTHORIZATION_FAILED).message
}
