import type { BrokerAddress, BrokerConnection } from './broker-connection.ts'
import type { Purpose } from './cluster.ts'
import { check } from './kafka-error.ts'
import { type ApiCall, findCoordinatorCall } from './protocol.ts'

export type GroupConnection = Pick<BrokerConnection, 'send'>

/** The part of a KafkaCluster through which a group's coordinator is found and spoken to. */
export interface GroupCluster {
  connectionTo(address: BrokerAddress, purpose: Purpose): Promise<GroupConnection>
  sendToAny<Response>(call: ApiCall<Response>): Promise<Response>
}

/** The broker that coordinates a consumer group: looked up when it is first needed, and again after `forget`. */
export class Coordinator {
  readonly #cluster: GroupCluster
  readonly #groupId: string
  #address: BrokerAddress | null = null

  constructor(cluster: GroupCluster, groupId: string) {
    this.#cluster = cluster
    this.#groupId = groupId
  }

  /** @throws KafkaError or KafkaConnectionError, also where the coordinator cannot be found */
  async connection(purpose: Purpose): Promise<GroupConnection> {
    this.#address ??= await this.#find()
    return this.#cluster.connectionTo(this.#address, purpose)
  }

  /** To be called when an answer, or its absence, says that the coordinator is elsewhere. */
  forget(): void {
    this.#address = null
  }

  async #find(): Promise<BrokerAddress> {
    const { errorCode, coordinator } = await this.#cluster.sendToAny(findCoordinatorCall(this.#groupId))
    check(`Kafka group ${this.#groupId}: cannot find the coordinator`, errorCode)
    return { host: coordinator.host, port: coordinator.port }
  }
}
