import { KafkaContainer, type StartedKafkaContainer } from '@testcontainers/kafka'
import type { StartedNetwork } from 'testcontainers'
import { freePorts } from '../native/free-ports.ts'

/** Confluent's image of Apache Kafka 4.1, which the Kafka module is made for. */
const image = 'confluentinc/cp-kafka:8.1.0'
const hostListenerPort = 9093
export const podListenerPort = 9092

/** The module publishes a random host port when the container is created; a restart would change it. */
class FixedPortKafka extends KafkaContainer {
  readonly #port: number

  constructor(port: number) {
    super(image)
    this.#port = port
  }

  protected override async beforeContainerCreated(): Promise<void> {
    await super.beforeContainerCreated()
    this.withExposedPorts({ container: hostListenerPort, host: this.#port })
  }
}

/**
 * Starts one broker with two listeners: one for this machine, one for the network. The second is advertised under the
 * container's host name, so that has to be the name by which pods know it.
 */
export async function startKafka(network: StartedNetwork, nameForPods: string): Promise<StartedKafkaContainer> {
  const [port = 0] = await freePorts(1)
  return new FixedPortKafka(port)
    .withNetwork(network)
    .withNetworkAliases('kafka')
    .withHostname(nameForPods)
    .withEnvironment({
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '5',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '5',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
    })
    .start()
}

/** How this machine reaches the broker. */
export function bootstrapServers(kafka: StartedKafkaContainer): string {
  return `${kafka.getHost()}:${kafka.getMappedPort(hostListenerPort)}`
}
