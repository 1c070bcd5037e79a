import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import kafkajs, { type Admin, type Message, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { CommitMetadataTooLargeError, GroupMember } from '../../src/sink/kafka/group-member.ts'
import { createKafkaSource, type KafkaTimings } from '../../src/sink/kafka/kafka-source.ts'
import { TopicIds } from '../../src/sink/kafka/topic-ids.ts'
import { type RecordSource, TenureLostError, TopicRecreatedError } from '../../src/sink/record-source.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { RecordingListener } from '../support/recording-listener.ts'

const { Kafka, logLevel } = kafkajs

const stack = connectStack(inject('stack'))
const bootstrapServers = stack.kafkaBootstrapServers.split(',')
const kafka = new Kafka({ brokers: bootstrapServers, logLevel: logLevel.NOTHING })
const run = Date.now().toString(36)
const timings: Partial<KafkaTimings> = {
  // The least that a broker takes: group.min.session.timeout.ms.
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 200,
  rebalanceTimeoutMs: 10_000,
  metadataRefreshMs: 500,
}

let admin: Admin
let producer: Producer
let groups = 0
const sources: RecordSource[] = []

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

async function createTopic(name: string, numPartitions = 1): Promise<string> {
  const topic = `source.dev.${run}.${name}`
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
  return topic
}

function newGroup(): string {
  return `source-test-${run}-${++groups}`
}

function member(groupId: string, topics: string[], listener = new RecordingListener()) {
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

async function produce(topic: string, values: readonly (string | Message)[], partition = 0): Promise<void> {
  const messages = values.map((value) => ({ partition, ...(typeof value === 'string' ? { value } : value) }))
  await producer.send({ topic, messages })
}

const within = <T>(check: () => T | Promise<T>) => eventually(30_000, check, 50)
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))
const names = (topic: string, ...partitions: number[]) => partitions.map((p) => `${topic}-${p}`)

describe('members of one group', () => {
  it('share the partitions: who comes gets its share committed, who stays keeps the rest as it is', async () => {
    const topic = await createTopic('shared', 6)
    const group = newGroup()
    for (let partition = 0; partition < 6; partition++) await produce(topic, numbers(0, 20), partition)
    const committing = () => {
      const listener = new RecordingListener()
      listener.onAssigned = async (handler) => {
        handler.onRevoked = async () => {
          await delay(300)
          if (handler.position > 0n) await handler.tenure.commit(handler.position, `by ${handler.name}`)
        }
      }
      return listener
    }
    const members = [member(group, [topic], committing())]
    const tenures = () => members.flatMap(({ listener }) => listener.handlers)
    await within(() => expect(members[0]?.listener.held.map(({ values }) => values.length)).toEqual(Array(6).fill(20)))
    for (const [share, moves] of [
      [3, 3],
      [2, 2],
    ] as const) {
      const before = tenures().length
      members.push(member(group, [topic], committing()))
      await within(() => {
        expect(members.map(({ listener }) => listener.held.length)).toEqual(Array(members.length).fill(share))
        expect(members.flatMap(({ listener }) => listener.partitions).sort()).toEqual(names(topic, 0, 1, 2, 3, 4, 5))
      })
      expect(tenures().length - before).toBe(moves)
      for (const { tenure } of members.at(-1)?.listener.held ?? [])
        expect(tenure.committed).toEqual({ offset: 20n, metadata: `by ${tenure.topic}-${tenure.partition}` })
    }
    const before = tenures().length
    await members[0]?.stop()
    await within(() => expect(members.slice(1).map(({ listener }) => listener.held.length)).toEqual([3, 3]))
    expect(tenures().length - before).toBe(2)
    expect(tenures().flatMap((handler) => handler.heard)).not.toContain('lost')
    // Those that never moved: still in their first tenure, and in a generation that may commit.
    const kept = members.slice(1).flatMap(({ listener }) => listener.held)
    await Promise.all(kept.map(({ tenure }) => tenure.commit(20n, 'kept')))
  })

  it('take over from one that died without leaving, after its session', async () => {
    const topic = await createTopic('orphaned', 2)
    const group = newGroup()
    const cluster = new KafkaCluster(bootstrapServers, {
      clientId: 'dead',
      connectTimeoutMs: 1_000,
      requestTimeoutMs: 20_000,
      logger: createLogger('silent'),
    })
    const dead = deadMember(cluster, group)
    const generation = await dead.join([topic], [], -1)
    expect(generation.assigned).toEqual([{ topic, partitions: [0, 1] }])
    const began = Date.now()
    const { listener } = member(group, [topic])
    await within(() => expect(listener.partitions).toEqual(names(topic, 0, 1)))
    expect(Date.now() - began).toBeGreaterThan(2_000)
    await expect(
      dead.commit(generation, [{ topic, partition: 0, offset: 7n, metadata: 'zombie' }], new AbortController().signal),
    ).rejects.toThrow(TenureLostError)
    await listener.held[0]?.tenure.commit(1n, 'owner')
    expect(await admin.fetchOffsets({ groupId: group, topics: [topic] })).toMatchObject([
      { partitions: expect.arrayContaining([{ partition: 0, offset: '1', metadata: 'owner' }]) },
    ])
    cluster.close()
  })

  it('may subscribe to different topics', async () => {
    const [a, b] = [await createTopic('only-a'), await createTopic('only-b')]
    const group = newGroup()
    const members = [member(group, [a]), member(group, [b])]
    await within(() => expect(members.map(({ listener }) => listener.partitions)).toEqual([names(a, 0), names(b, 0)]))
  })
})

/** A member that joins and then does nothing, not even a heartbeat. */
function deadMember(cluster: KafkaCluster, groupId: string): GroupMember {
  return new GroupMember({
    cluster,
    clock: systemClock,
    groupId,
    sessionTimeoutMs: 6_000,
    rebalanceTimeoutMs: 6_000,
    partitionsOf: async (topics) => {
      const metadata = await cluster.refresh(topics)
      return new Map(topics.map((topic) => [topic, metadata.topics.get(topic)?.partitions ?? []]))
    },
  })
}

describe('a commit', () => {
  it('keeps offset and metadata for the next owner', async () => {
    const topic = await createTopic('committed')
    const group = newGroup()
    const first = member(group, [topic])
    await within(() => expect(first.listener.held).toHaveLength(1))
    const metadata = JSON.stringify({ v: 1, e: 20, revision: 'abc', note: 'ü'.repeat(100) })
    await first.listener.held[0]?.tenure.commit(10n, metadata)
    await first.stop()
    const second = member(group, [topic])
    await within(() => expect(second.listener.held[0]?.tenure.committed).toEqual({ offset: 10n, metadata }))
    expect(second.listener.held[0]?.tenure.clusterId).not.toBe('')
  })

  it('with metadata beyond the limit of the broker fails by name, and the tenure goes on', async () => {
    const topic = await createTopic('too-long')
    const { listener } = member(newGroup(), [topic])
    await within(() => expect(listener.held).toHaveLength(1))
    const tenure = listener.held[0]?.tenure
    await expect(tenure?.commit(0n, 'x'.repeat(4_097))).rejects.toThrow(CommitMetadataTooLargeError)
    await tenure?.commit(0n, 'x'.repeat(4_096))
    expect(listener.held).toHaveLength(1)
  })
})

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
