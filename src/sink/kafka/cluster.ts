import {
  type BrokerAddress,
  BrokerConnection,
  type ConnectionSettings,
  formatAddress,
  parseAddress,
} from './broker-connection.ts'
import { KafkaConnectionError } from './kafka-error.ts'
import { METADATA_WITH_IDS, metadataWithIdsCall } from './metadata-with-ids.ts'
import { type ApiCall, type MetadataResponse, metadataCall } from './protocol.ts'

/** What a connection is used for. A long poll (fetch) or a JoinGroup (group) holds up everything behind it. */
export type Purpose = 'data' | 'fetch' | 'group'

export interface TopicMetadata {
  /** A topic that is deleted and created again gets another. Absent where the broker tells none (before Kafka 2.8). */
  readonly id?: string | undefined
  readonly errorCode: number
  readonly internal: boolean
  /** Partition to node id of its leader; a partition without one is absent from `leaders` and counted in `partitions`. */
  readonly leaders: ReadonlyMap<number, number>
  readonly partitions: readonly number[]
}

export interface ClusterMetadata {
  readonly clusterId: string
  readonly brokers: ReadonlyMap<number, BrokerAddress>
  readonly topics: ReadonlyMap<string, TopicMetadata>
}

/**
 * The brokers of one Kafka cluster: their addresses, connections and the topics' leaders. Every call makes one attempt;
 * whoever needs it to succeed tries again, with a back-off.
 */
export class KafkaCluster {
  readonly #settings: ConnectionSettings
  readonly #seeds: readonly BrokerAddress[]
  /** By purpose and address; a promise while it opens. */
  readonly #connections = new Map<string, Promise<BrokerConnection>>()
  readonly #open = new Map<string, BrokerConnection>()
  #metadata: ClusterMetadata | null = null
  #refreshing: Promise<ClusterMetadata> | null = null
  #topicsOfInterest: readonly string[] = []
  #closed = false
  #onMetadata: (metadata: ClusterMetadata) => void = () => {}

  /** @throws Error when a bootstrap server is not `host:port` */
  constructor(bootstrapServers: readonly string[], settings: ConnectionSettings) {
    this.#seeds = bootstrapServers.map(parseAddress)
    this.#settings = settings
  }

  /** As of the last `refresh`. */
  get metadata(): ClusterMetadata | null {
    return this.#metadata
  }

  /** Called after each `refresh`; there is one listener at a time. */
  onMetadata(listener: (metadata: ClusterMetadata) => void): void {
    this.#onMetadata = listener
  }

  /**
   * Reads the metadata of these topics from any broker that answers, and of the same ones at every `refresh()` without
   * an argument. Empty: of all topics that we may describe.
   */
  refresh(topics?: readonly string[]): Promise<ClusterMetadata> {
    if (topics && topics.join() !== this.#topicsOfInterest.join()) {
      this.#topicsOfInterest = topics
      this.#refreshing = null
    }
    if (this.#refreshing) return this.#refreshing
    const refreshing = this.#readMetadata(this.#topicsOfInterest).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null
    })
    this.#refreshing = refreshing
    return refreshing
  }

  /** Node id of the partition's leader as of the last refresh, or null while it has none. */
  leaderOf(topic: string, partition: number): number | null {
    const leader = this.#metadata?.topics.get(topic)?.leaders.get(partition)
    return leader !== undefined && this.#metadata?.brokers.has(leader) ? leader : null
  }

  connectionToNode(nodeId: number, purpose: Purpose): Promise<BrokerConnection> {
    const address = this.#metadata?.brokers.get(nodeId)
    if (!address) return Promise.reject(new KafkaConnectionError(`broker ${nodeId} is not in the cluster's metadata`))
    return this.connectionTo(address, purpose)
  }

  connectionTo(address: BrokerAddress, purpose: Purpose): Promise<BrokerConnection> {
    if (this.#closed) return Promise.reject(new KafkaConnectionError('connections are closed'))
    const key = `${purpose} ${formatAddress(address)}`
    if (this.#open.get(key)?.closed) this.#forget(key)
    const known = this.#connections.get(key)
    if (known) return known
    const opening = this.#connect(key, address, purpose === 'fetch')
    this.#connections.set(key, opening)
    return opening
  }

  /** Sends to any broker that can be reached, those that a connection is open to first. */
  sendToAny<Response>(call: ApiCall<Response>): Promise<Response> {
    return this.#sendToAny(() => call)
  }

  /** What a broker tells about topics just now: the one that leads the partition, as the others may hear of a change later. */
  async askLeader(topic: string, partition: number): Promise<ClusterMetadata> {
    const leader = this.leaderOf(topic, partition)
    if (leader === null) throw new KafkaConnectionError(`${topic}-${partition} has no leader`)
    const connection = await this.connectionToNode(leader, 'data')
    return toMetadata(await connection.send(metadataFrom(connection, [topic])))
  }

  async #sendToAny<Response>(callFor: (connection: BrokerConnection) => ApiCall<Response>): Promise<Response> {
    const failures: string[] = []
    for (const address of this.#candidates()) {
      try {
        const connection = await this.connectionTo(address, 'data')
        return await connection.send(callFor(connection))
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error))
      }
    }
    throw new KafkaConnectionError(failures.join(', '))
  }

  /** Closes every connection at once; requests under way fail, and nothing connects any more. */
  close(): void {
    this.#closed = true
    for (const connection of this.#open.values()) connection.close()
    this.#connections.clear()
    this.#open.clear()
  }

  async #connect(key: string, address: BrokerAddress, lendsAnswers: boolean): Promise<BrokerConnection> {
    try {
      const connection = await BrokerConnection.open(address, { ...this.#settings, lendsAnswers })
      if (this.#closed) {
        connection.close()
        throw new KafkaConnectionError('connections are closed')
      }
      this.#open.set(key, connection)
      return connection
    } catch (error) {
      this.#forget(key)
      throw error
    }
  }

  #forget(key: string): void {
    this.#connections.delete(key)
    this.#open.delete(key)
  }

  #candidates(): BrokerAddress[] {
    const connected = [...this.#open]
      .filter(([key, c]) => key.startsWith('data ') && !c.closed)
      .map(([, c]) => c.address)
    const known = [...(this.#metadata?.brokers.values() ?? [])]
    const all = [...connected, ...known, ...this.#seeds]
    return [...new Map(all.map((address) => [formatAddress(address), address])).values()]
  }

  async #readMetadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const metadata = toMetadata(await this.#sendToAny((connection) => metadataFrom(connection, topics)))
    this.#metadata = metadata
    this.#onMetadata(metadata)
    return metadata
  }
}

/** The names of topics that can be read: none of Kafka's own, and none without partitions. */
export function existingTopics({ topics }: ClusterMetadata): string[] {
  return [...topics].flatMap(([name, { internal, partitions }]) => (internal || partitions.length === 0 ? [] : name))
}

function metadataFrom(connection: BrokerConnection, topics: readonly string[]): ApiCall<MetadataResponse> {
  return connection.speaks(METADATA_WITH_IDS) ? metadataWithIdsCall(topics) : metadataCall(topics)
}

function toMetadata({ clusterId, brokers, topicMetadata }: MetadataResponse): ClusterMetadata {
  return {
    clusterId: clusterId ?? '',
    brokers: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    topics: new Map(
      topicMetadata.map(({ topic, topicId, topicErrorCode, isInternal, partitionMetadata }) => [
        topic,
        {
          id: topicId,
          errorCode: topicErrorCode,
          internal: isInternal,
          partitions: partitionMetadata.map(({ partitionId }) => partitionId).sort((a, b) => a - b),
          leaders: new Map(
            partitionMetadata
              .filter(({ leader }) => leader >= 0)
              .map(({ partitionId, leader }) => [partitionId, leader]),
          ),
        },
      ]),
    ),
  }
}
