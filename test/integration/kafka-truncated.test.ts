import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createKafkaSource } from '../../src/sink/kafka/kafka-source.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { type FaultyServers, startFaultyServers } from '../faults/servers.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { createLedTopics } from '../support/led-topics.ts'
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

function member(groupId: string, listener: RecordingListener, topic = TOPIC): RecordSource {
  const source = createKafkaSource({
    config: { bootstrapServers: servers.bootstrapServers.split(','), groupId },
    topics: () => ({
      filter: { truncated: [topic] },
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

async function produce(values: readonly string[], topic = TOPIC, key?: string): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 20 } })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ value, ...(key === undefined ? {} : { key }) })) })
  await producer.disconnect()
}

async function leaderAndInSync(topic = TOPIC): Promise<{ leader: number | undefined; isr: number[] | undefined }> {
  const admin = kafka.admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  await admin.disconnect()
  return { leader: topics[0]?.partitions[0]?.leader, isr: topics[0]?.partitions[0]?.isr }
}

/** To a broker that has nothing of it yet, and copies what there is. */
async function moveTo(broker: number, topic: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.alterPartitionReassignments({
    topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [broker] }] }],
  })
  await admin.disconnect()
  await within(async () => expect(await leaderAndInSync(topic)).toEqual({ leader: broker, isr: [broker] }))
}

/** What of a leader was read last is compacted away; then the log is moved to a broker that has never heard of that leader. */
test.skipIf(stack.kind === 'containers')(
  'a log that was compacted is not taken for one that was cut, whatever broker has copied it',
  async () => {
    const topic = 'source.dev.truncated.compacted'
    const admin = kafka.admin()
    await admin.connect()
    const compacted = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '100' }
    await createLedTopics(admin, [
      {
        topic,
        replicaAssignment: [{ partition: 0, replicas: [1] }],
        configEntries: Object.entries({ ...compacted, 'min.insync.replicas': '1' }).map(([name, value]) => ({
          name,
          value,
        })),
      },
    ])
    await admin.disconnect()
    await produce(['first'], topic, 'first')
    await moveTo(2, topic)
    await produce(['read'], topic, 'again')
    const before = new RecordingListener()
    const first = member('compacted', before, topic)
    await within(() => expect(before.held[0]?.position).toBe(2n))
    await before.held[0]?.tenure.commit(2n, 'ours')
    await first.stop(AbortSignal.timeout(5_000))

    await moveTo(3, topic)
    await produce(['newer'], topic, 'again')
    const look = async () => {
      const seen = new RecordingListener()
      const source = member(`look ${Math.random()}`, seen, topic)
      await within(() => expect(seen.held[0]?.values).toContain('newer'))
      await source.stop(AbortSignal.timeout(5_000))
      return seen.handlers[0]?.offsets
    }
    await within(async () => {
      await produce(['more'], topic, 'more')
      expect(await look()).not.toContain(1n)
    })
    await moveTo(1, topic)

    const again = new RecordingListener()
    member('compacted', again, topic)
    const seen = () => ({ isRead: again.held[0]?.values.includes('newer'), replaced: again.held[0]?.replaced })
    await within(() => expect(seen()).toEqual({ isRead: true, replaced: [] }))
  },
  240_000,
)

/** Broker 1 leads, broker 2 lacks the last ten records when it becomes the leader in its place, and gets others. */
test.skipIf(stack.kind === 'containers')(
  'an unclean leader election is noticed, by who reads on and by who begins where it had committed',
  async () => {
    const admin = kafka.admin()
    await admin.connect()
    await createLedTopics(admin, [
      {
        topic: TOPIC,
        replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
        configEntries: [
          { name: 'unclean.leader.election.enable', value: 'true' },
          { name: 'min.insync.replicas', value: '1' },
        ],
      },
    ])
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
