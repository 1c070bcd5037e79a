import { type BrokerAddress, formatAddress } from '../../src/sink/kafka/broker-connection.ts'
import type { ClusterMetadata, Purpose } from '../../src/sink/kafka/cluster.ts'
import { KafkaConnectionError } from '../../src/sink/kafka/kafka-error.ts'
import type { KafkaAccess } from '../../src/sink/kafka/kafka-source.ts'
import type { ApiCall } from '../../src/sink/kafka/protocol.ts'
import type { Send } from './design.ts'
import { groupCall, REBALANCE_TIMEOUT_MS } from './group-apis.ts'
import { type SimulatedCoordinator, termOf } from './simulated-coordinator.ts'
import { type SimulatedLog, TOPIC } from './simulated-log.ts'
import type { Fates, Life, World } from './world.ts'

const CLUSTER_ID = 'simulated'
const TOPIC_ID = 'first'
export const REQUEST_TIMEOUT_MS = 5_000

export interface ClusterOptions {
  readonly world: World
  readonly life: Life
  readonly coordinator: SimulatedCoordinator
  readonly logs: ReadonlyMap<number, SimulatedLog>
  readonly fates: Fates
  /** What is done to requests on their way; it sees those of all connections. */
  readonly tampered: (send: Send) => Send
}

type Cluster = KafkaAccess['cluster']

interface Connection {
  readonly send: ApiSend
  isClosed: boolean
}

type ApiSend = <Response>(call: ApiCall<Response>) => Promise<Response>

/** The Kafka cluster as one process reaches it. A request without an answer closes its connection, as in the real one. */
export class SimulatedCluster implements Cluster {
  metadata: ClusterMetadata | null = null
  readonly #options: ClusterOptions
  readonly #connections = new Map<string, Connection>()
  #listener: (metadata: ClusterMetadata) => void = () => {}

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  onMetadata(listener: (metadata: ClusterMetadata) => void): void {
    this.#listener = listener
  }

  async refresh(): Promise<ClusterMetadata> {
    this.metadata = await this.#ask('Metadata')
    this.#listener(this.metadata)
    return this.metadata
  }

  askLeader(): Promise<ClusterMetadata> {
    return this.#ask('Metadata of the leader')
  }

  async #ask(operation: string): Promise<ClusterMetadata> {
    const partitions = await this.#call(operation, '', () => [...this.#options.logs.keys()])
    const topic = { id: TOPIC_ID, errorCode: 0, internal: false, partitions, leaders: new Map() }
    return { clusterId: CLUSTER_ID, brokers: new Map(), topics: new Map([[TOPIC, topic]]) }
  }

  async connectionTo(address: BrokerAddress, purpose: Purpose): Promise<Connection> {
    const key = `${purpose} ${formatAddress(address)}`
    const open = this.#connections.get(key)
    if (open && !open.isClosed) return open
    const connection = this.#open(termOf(address))
    this.#connections.set(key, connection)
    return connection
  }

  sendToAny<Response>(call: ApiCall<Response>): Promise<Response> {
    return this.#open(this.#options.coordinator.term).send(call)
  }

  close(): void {
    this.#connections.clear()
  }

  #open(term: number): Connection {
    const { coordinator, tampered } = this.#options
    const send = tampered((call) => this.#call(call.api, told(call.parameters), () => coordinator.answer(term, call)))
    const connection: Connection = {
      isClosed: false,
      send: async <Response>(call: ApiCall<Response>) => {
        try {
          return (await send(groupCall(call))) as Response
        } catch (error) {
          connection.isClosed = true
          throw error
        }
      },
    }
    return connection
  }

  #call<T>(operation: string, about: string, effect: () => T | Promise<T>): Promise<T> {
    const { world, life, fates } = this.#options
    const timeoutMs = operation === 'JoinGroup' ? REBALANCE_TIMEOUT_MS * 2 : REQUEST_TIMEOUT_MS
    const refusal = () => new KafkaConnectionError(`${operation}: connection cut`)
    return world.call(life, { operation, about, effect, fates, timeoutMs, refusal }).catch((error) => {
      throw error instanceof KafkaConnectionError ? error : new KafkaConnectionError(String(error))
    })
  }
}

function told(parameters: object): string {
  return 'memberId' in parameters ? String(parameters.memberId) : ''
}
