import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { TopicIds } from '../../src/sink/kafka/topic-ids.ts'
import { TopicRecreatedError } from '../../src/sink/record-source.ts'
import { eventually } from '../support/eventually.ts'
import { RecordingListener } from '../support/recording-listener.ts'
import {
  admin,
  bootstrapServers,
  createTopic,
  kafka,
  member,
  names,
  newGroup,
  numbers,
  onKafka,
  produce,
  producer,
  run,
  stack,
  within,
} from './kafka-source/members.ts'

onKafka()

describe('reading', () => {
  it('begins at the earliest or the latest record where the group has no offset, and says where that is', async () => {
    const topic = await createTopic('beginning')
    await produce(topic, numbers(0, 10))
    const latest = new RecordingListener()
    latest.startAt = 'latest'
    const [early, late] = [member(newGroup(), [topic]), member(newGroup(), [topic], latest)]
    await within(() => expect(late.listener.held[0]?.position).toBe(10n))
    await produce(topic, numbers(10, 12))
    await within(() => expect(early.listener.held[0]?.values).toEqual(numbers(0, 12)))
    await within(() => expect(late.listener.held[0]?.values).toEqual(numbers(10, 12)))
    expect(late.source.lag()).toBe(0)
  })

  it('goes on at the committed offset', async () => {
    const topic = await createTopic('resumed')
    await produce(topic, numbers(0, 10))
    const group = newGroup()
    await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '6' }] })
    const { listener } = member(group, [topic])
    await within(() => expect(listener.held[0]?.values).toEqual(numbers(6, 10)))
  })

  it('hands out keys, headers and empty values', async () => {
    const topic = await createTopic('fields')
    const message = { value: 'plain', key: 'k', headers: { trace: 'abc', many: ['1', '2'] } }
    await producer.send({ topic, messages: [message, { value: null, key: 'tombstone' }] })
    const listener = new RecordingListener()
    const seen: { key: string | undefined; headers: Record<string, unknown>; isNull: boolean }[] = []
    listener.onAssigned = async (handler) => {
      handler.onRecord = ({ key, headers, value }) => {
        seen.push({ key: key?.toString(), headers: { ...headers }, isNull: value === null })
      }
    }
    member(newGroup(), [topic], listener)
    await within(() => expect(listener.held[0]?.values).toEqual(['plain', '']))
    expect(seen).toEqual([
      { key: 'k', headers: { trace: Buffer.from('abc'), many: [Buffer.from('1'), Buffer.from('2')] }, isNull: false },
      { key: 'tombstone', headers: {}, isNull: true },
    ])
  })

  it('leaves out aborted transactions, and moves past their markers', async () => {
    const topic = await createTopic('transactions')
    const transactional = kafka.producer({ transactionalId: `tx-${run}`, maxInFlightRequests: 1, idempotent: true })
    await transactional.connect()
    for (const [values, end] of [
      [['a'], 'commit'],
      [['b', 'c'], 'abort'],
      [['d'], 'commit'],
      [['e'], 'abort'],
    ] as const) {
      const transaction = await transactional.transaction()
      await transaction.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
      await transaction[end]()
    }
    await transactional.disconnect()
    const { listener, source } = member(newGroup(), [topic])
    await within(() => expect(listener.held[0]?.values).toEqual(['a', 'd']))
    await within(() => expect(listener.held[0]?.position).toBe(9n))
    expect(source.lag()).toBe(0)
  })

  it('never begins elsewhere when records expired: the handler is told what the log holds, and decides', async () => {
    const topic = await createTopic('expired')
    await produce(topic, numbers(0, 10))
    const group = newGroup()
    await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '3' }] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '8' }] })
    const { listener } = member(group, [topic])
    await within(() =>
      expect(listener.held[0]?.missing).toEqual([{ position: 3n, log: { startOffset: 8n, endOffset: 10n } }]),
    )
    expect(listener.held[0]?.values).toEqual([])
  })

  it('knows a topic that was created again from the one that was read, as soon as anything is to be committed', async () => {
    const topic = await createTopic('recreated')
    await produce(topic, numbers(0, 5))
    const { listener } = member(newGroup(), [topic])
    await within(() => expect(listener.held[0]?.values).toHaveLength(5))
    const { topicId } = listener.held[0]?.tenure ?? {}
    await listener.held[0]?.tenure.commit(5n, 'the same')
    const cluster = new KafkaCluster(bootstrapServers, {
      clientId: 'recreated',
      connectTimeoutMs: 1_000,
      requestTimeoutMs: 20_000,
      logger: createLogger('silent'),
    })
    await cluster.refresh([topic])
    const ids = new TopicIds({ cluster, clock: systemClock })
    const { signal } = new AbortController()
    const commit = { topic, partition: 0, offset: 5n, metadata: '', topicId }
    expect(await ids.recreated([commit], signal)).toEqual(new Map())
    await admin.deleteTopics({ topics: [topic] })
    await within(() => createTopic('recreated'))
    await within(async () => {
      const found = await ids.recreated([commit, { ...commit, topicId: undefined }], signal)
      expect([...found.keys()]).toEqual(names(topic, 0))
      expect(found.get(`${topic}-0`)).toBeInstanceOf(TopicRecreatedError)
    })
    cluster.close()
  })

  it('follows a wildcard to new topics and new partitions', async () => {
    const first = await createTopic('followed.one')
    const { listener } = member(newGroup(), ['*'])
    await within(() => expect(listener.partitions).toContain(`${first}-0`))
    const second = await createTopic('followed.two')
    await produce(second, ['hello'])
    await within(() => expect(listener.held.find(({ name }) => name === `${second}-0`)?.values).toEqual(['hello']))
    await admin.createPartitions({ topicPartitions: [{ topic: first, count: 2 }] })
    await within(() => expect(listener.partitions).toContain(`${first}-1`))
  })

  it('goes on with other topics when one is missing, and with that one when it is there', async () => {
    const topic = await createTopic('there')
    const missing = `source.dev.${run}.later`
    const { listener } = member(newGroup(), [topic, missing])
    await within(() => expect(listener.problems).toEqual([`Kafka topic ${missing} does not exist`]))
    await within(() => expect(listener.partitions).toEqual(names(topic, 0)))
    await createTopic('later')
    await within(() => expect(listener.partitions).toEqual(names(missing, 0).concat(names(topic, 0)).sort()))
    expect(listener.problems.at(-1)).toBeNull()
  })
})

describe('a broker that goes away', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    '(%s) is told, and seconds after it is back reading goes on, each record once',
    async (signal) => {
      const topic = await createTopic(`restart-${signal}`, 2)
      const group = newGroup()
      const { listener } = member(group, [topic])
      await produce(topic, numbers(0, 50))
      await within(() => expect(listener.held[0]?.values).toHaveLength(50))
      await stack.servers.kafka.stop(signal)
      await within(() => expect(listener.problems.at(-1)).toMatch(/^Kafka: cannot reach .* \(ECONNREFUSED\)/))
      await delay(2_000)
      await stack.servers.kafka.start()
      const began = Date.now()
      await eventually(20_000, () => produce(topic, numbers(50, 60)))
      const values = () =>
        listener.handlers.filter(({ name }) => name === `${topic}-0`).flatMap(({ offsets }) => offsets)
      await within(() => expect(new Set(values()).size).toBe(60))
      expect(Date.now() - began).toBeLessThan(15_000)
      await within(() => expect(listener.problems.at(-1)).toBeNull())
      for (const handler of listener.handlers)
        expect(handler.offsets).toEqual(handler.offsets.map((_, i) => (handler.offsets[0] ?? 0n) + BigInt(i)))
      await listener.held[0]?.tenure.commit(60n, '')
    },
  )
})

describe('after stop', () => {
  it('nothing keeps the process alive, and nothing was warned of', async () => {
    const topic = await createTopic('exit')
    const script = `
      import { systemClock } from '${import.meta.dirname}/../../src/lib/clock.ts'
      import { createLogger } from '${import.meta.dirname}/../../src/lib/logger.ts'
      import { createKafkaSource } from '${import.meta.dirname}/../../src/sink/kafka/kafka-source.ts'
      const source = createKafkaSource({
        config: { bootstrapServers: ${JSON.stringify(bootstrapServers)}, groupId: '${newGroup()}' },
        topics: () => ({ filter: { x: ['${topic}'] }, topicPattern: 'x', realm: 'x' }),
        clientId: 'exit', logger: createLogger('warn'), clock: systemClock,
      })
      const handler = { startAt: 'earliest', records: async () => {}, revoked: async () => {}, lost: () => {} }
      const settled = new Promise((resolve) =>
        source.run({ assigned: async () => handler, problem: (error) => console.log(error), settled: resolve }))
      await settled
      await source.stop(AbortSignal.timeout(5000))
    `
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
    })
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
  })
})
