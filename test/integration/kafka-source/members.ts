import kafkajs, { type Admin, type Message, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { createKafkaSource, type KafkaTimings } from '../../../src/sink/kafka/kafka-source.ts'
import type { RecordSource } from '../../../src/sink/record-source.ts'
import { connectStack } from '../../stack/remote.ts'
import { eventually } from '../../support/eventually.ts'
import { createLedTopics } from '../../support/led-topics.ts'
import { RecordingListener } from '../../support/recording-listener.ts'

const { Kafka, logLevel } = kafkajs

export const stack = connectStack(inject('stack'))
export const bootstrapServers = stack.kafkaBootstrapServers.split(',')
export const kafka = new Kafka({ brokers: bootstrapServers, logLevel: logLevel.NOTHING })
export const run = Date.now().toString(36)
const timings: Partial<KafkaTimings> = {
  // The least that a broker takes: group.min.session.timeout.ms.
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 200,
  rebalanceTimeoutMs: 10_000,
  metadataRefreshMs: 500,
}

/** Of the file of tests that runs. */
export let admin: Admin
export let producer: Producer
let groups = 0
const sources: RecordSource[] = []

/** To be called once by a file of tests. */
export function onKafka(): void {
  beforeAll(async () => {
    admin = kafka.admin()
    producer = kafka.producer({
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      allowAutoTopicCreation: false,
    })
    await Promise.all([admin.connect(), producer.connect()])
  })

  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.stop(AbortSignal.timeout(10_000))))
  })

  afterAll(async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })
}

export async function createTopic(
  name: string,
  numPartitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = `source.dev.${run}.${name}`
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  await createLedTopics(admin, [{ topic, numPartitions, configEntries }])
  return topic
}

export function newGroup(): string {
  return `source-test-${run}-${++groups}`
}

export function member(groupId: string, topics: string[], listener = new RecordingListener()) {
  const source = createKafkaSource({
    config: { bootstrapServers, groupId },
    topics: () => ({ filter: { [run]: topics }, topicPattern: 'source.{realm}.{namespace}.{eventName}', realm: 'dev' }),
    clientId: 'source-test',
    logger: createLogger('silent'),
    clock: systemClock,
    timings,
  })
  sources.push(source)
  void source.run(listener)
  return { source, listener, stop: () => source.stop(AbortSignal.timeout(10_000)) }
}

export async function produce(topic: string, values: readonly (string | Message)[], partition = 0): Promise<void> {
  const messages = values.map((value) => ({ partition, ...(typeof value === 'string' ? { value } : value) }))
  await producer.send({ topic, messages })
}

export const within = <T>(check: () => T | Promise<T>) => eventually(30_000, check, 50)
export const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))
export const names = (topic: string, ...partitions: number[]) => partitions.map((p) => `${topic}-${p}`)
