import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createKafkaSource } from '../../src/sink/kafka/kafka-source.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { type FaultyServers, startFaultyServers } from '../faults/servers.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { RecordingListener } from '../support/recording-listener.ts'

const { Kafka, logLevel } = kafkajs
const stack = connectStack(inject('stack'))
const TOPIC = 'source.dev.truncated.records'
const within = <T>(check: () => T | Promise<T>) => eventually(60_000, check, 100)
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`)

let servers: FaultyServers
let kafka: kafkajs.Kafka
const sources: RecordSource[] = []

beforeAll(async () => {
  if (stack.kind === 'containers') return
  servers = await startFaultyServers(1, () => {})
  kafka = new Kafka({ brokers: servers.bootstrapServers.split(','), logLevel: logLevel.NOTHING })
}, 120_000)

afterAll(async () => {
  await Promise.all(sources.map((source) => source.stop(AbortSignal.timeout(5_000))))
  await servers?.stop()
})

function member(groupId: string, listener: RecordingListener): RecordSource {
  const source = createKafkaSource({
    config: { bootstrapServers: servers.bootstrapServers.split(','), groupId },
    topics: () => ({
      filter: { truncated: [TOPIC] },
      topicPattern: 'source.{realm}.{namespace}.{eventName}',
      realm: 'dev',
    }),
    clientId: 'truncated-test',
    logger: createLogger('silent'),
    clock: systemClock,
    timings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, metadataRefreshMs: 500 },
  })
  sources.push(source)
  void source.run(listener)
  return source
}

async function produce(values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 20 } })
  await producer.connect()
  await producer.send({ topic: TOPIC, messages: values.map((value) => ({ value })) })
  await producer.disconnect()
}

async function leaderAndInSync(): Promise<{ leader: number | undefined; isr: number[] | undefined }> {
  const admin = kafka.admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] })
  await admin.disconnect()
  return { leader: topics[0]?.partitions[0]?.leader, isr: topics[0]?.partitions[0]?.isr }
}

/** Broker 1 leads, broker 2 lacks the last ten records when it becomes the leader in its place, and gets others. */
test.skipIf(stack.kind === 'containers')(
  'an unclean leader election is noticed, by who reads on and by who begins where it had committed',
  async () => {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: TOPIC,
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: [
            { name: 'unclean.leader.election.enable', value: 'true' },
            { name: 'min.insync.replicas', value: '1' },
          ],
        },
      ],
    })
    await admin.disconnect()
    await produce(numbers(0, 20))
    await servers.brokers[1]?.server.stop('SIGTERM')
    await within(async () => expect(await leaderAndInSync()).toEqual({ leader: 1, isr: [1] }))
    await produce(numbers(20, 30))

    const before = new RecordingListener()
    const first = member('begins again', before)
    await within(() => expect(before.held[0]?.position).toBe(30n))
    await before.held[0]?.tenure.commit(30n, 'ours')
    await first.stop(AbortSignal.timeout(5_000))

    const gate = Promise.withResolvers<void>()
    const reading = new RecordingListener()
    reading.onAssigned = async (handler) => {
      handler.onRecords = async ({ nextOffset }) => {
        if (nextOffset === 30n) await gate.promise
      }
      handler.onTruncated = (keptTo) => keptTo
    }
    member('reads on', reading)
    await within(() => expect(reading.held[0]?.position).toBe(30n))

    await servers.brokers[0]?.server.stop('SIGKILL')
    await servers.brokers[1]?.server.start()
    await within(async () => expect((await leaderAndInSync()).leader).toBe(2))
    await produce(numbers(100, 120))

    const again = new RecordingListener()
    member('begins again', again)
    await within(() => expect(again.held[0]?.replaced).toEqual([{ position: 30n, keptTo: 20n }]))
    expect(again.held[0]?.values).toEqual([])
    gate.resolve()
    await within(() => expect(reading.held[0]?.position).toBe(40n))
    expect(reading.held[0]?.replaced).toEqual([{ position: 30n, keptTo: 20n }])
    expect(reading.held[0]?.values).toEqual([...numbers(0, 30), ...numbers(100, 120)])
  },
  240_000,
)
