/** What is done for a group without members, on a real broker. */
import { randomBytes } from 'node:crypto'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { type GroupTask, runGroupTask } from '../../src/sink/group-task.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { GroupAdmin } from '../../src/sink/kafka/group-admin.ts'
import { GroupMember } from '../../src/sink/kafka/group-member.ts'
import { keepOffsets } from '../../src/sink/keep-offsets.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { createLedTopics } from '../support/led-topics.ts'

const stack = connectStack(inject('stack'))
const bootstrapServers = stack.kafkaBootstrapServers.split(',')
const id = randomBytes(4).toString('hex')
const topic = `group-${id}`
const logger = createLogger('silent')
const connection = { clientId: 'group-test', connectTimeoutMs: 5_000, requestTimeoutMs: 15_000, logger }
/** As a sink leaves it behind: an intent at one partition, a mark at another, nothing at the third. */
const LEFT = { 0: { offset: 7n, metadata: '{"v":1,"endOffset":"9"}' }, 1: { offset: 0n, metadata: '{"v":1}' } }

let kafka: Admin
let groups = 0
const clusters: KafkaCluster[] = []

/** Each member has its own connections: the answer to a JoinGroup holds up everything behind it. */
function newCluster(): KafkaCluster {
  const cluster = new KafkaCluster(bootstrapServers, connection)
  clusters.push(cluster)
  return cluster
}

beforeAll(async () => {
  kafka = new kafkajs.Kafka({ brokers: bootstrapServers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await kafka.connect()
  await createLedTopics(kafka, [{ topic, numPartitions: 3 }])
})

afterAll(async () => {
  for (const cluster of clusters) cluster.close()
  await kafka.disconnect()
})

const never = new AbortController().signal

function memberOf(groupId: string): GroupMember {
  const partitionsOf = async () => new Map([[topic, [0, 1, 2]]])
  return new GroupMember({
    cluster: newCluster(),
    clock: systemClock,
    groupId,
    sessionTimeoutMs: 6_000,
    rebalanceTimeoutMs: 10_000,
    partitionsOf,
  })
}

/** A group whose last member has left. */
async function leftGroup(): Promise<string> {
  const groupId = `group-${id}-${++groups}`
  const member = memberOf(groupId)
  // The first group that a broker has makes it create its offsets topic.
  const generation = await eventually(20_000, () => member.join([topic], [], -1))
  const commits = Object.entries(LEFT).map(([partition, each]) => ({ topic, partition: Number(partition), ...each }))
  expect(await member.commit(generation, commits, never)).toEqual([null, null])
  await member.leave()
  return groupId
}

const run = (task: GroupTask, groupId: string, timeoutMs = 20_000) =>
  runGroupTask(task, {
    bootstrapServers,
    groupId,
    connection,
    clock: systemClock,
    logger,
    ended: AbortSignal.timeout(timeoutMs),
  })

const offsetsOf = async (groupId: string) => {
  const offsets = await new GroupAdmin(newCluster(), groupId).offsets()
  return Object.fromEntries(offsets.map(({ partition, offset, metadata }) => [partition, { offset, metadata }]))
}

it.concurrent('keep-offsets leaves offsets and metadata as they were, and no member behind', async () => {
  const groupId = await leftGroup()
  expect(await run('keep-offsets', groupId)).toBe(`Kafka group ${groupId}: offsets of 2 partitions committed again`)
  expect(await offsetsOf(groupId)).toEqual(LEFT)
  expect(await new GroupAdmin(newCluster(), groupId).isActive()).toBe(false)
})

it.concurrent('keep-offsets does not touch a group at work, delete is refused, and neither disturbs its member', async () => {
  const groupId = await leftGroup()
  const sink = memberOf(groupId)
  const generation = await sink.join([topic], [], -1)
  expect(await run('keep-offsets', groupId)).toBe(`Kafka group ${groupId} has members, who keep its offsets`)
  await expect(run('delete', groupId, 500)).rejects.toThrow('still has members (NON_EMPTY_GROUP)')
  // The same generation: there was no rebalance.
  await sink.heartbeat(generation)
  expect(await sink.commit(generation, [{ topic, partition: 0, offset: 9n, metadata: '{"v":1}' }], never)).toEqual([
    null,
  ])
  await sink.leave()
})

it.concurrent('a sink that comes, commits and goes while the offsets are being kept loses nothing of that', async () => {
  const groupId = await leftGroup()
  const sink = memberOf(groupId)
  const [admin, behind] = [
    new GroupAdmin(newCluster(), groupId),
    { 0: { offset: 9n, metadata: '{"v":1}' }, 1: LEFT[1] },
  ]
  // We are told that the group is empty, and stand still until the sink has been there.
  const offsets = async () => {
    const before = await admin.offsets()
    const generation = await sink.join([topic], [], -1)
    await sink.commit(generation, [{ topic, partition: 0, ...behind[0] }], never)
    await sink.leave()
    return before
  }
  const parts = { cluster: newCluster(), clock: systemClock, ended: never }
  const stale = { groupId, isActive: () => admin.isActive(), offsets }
  expect(await keepOffsets({ ...parts, admin: stale })).toEqual({ kind: 'kept', partitions: 2 })
  expect(await offsetsOf(groupId)).toEqual(behind)
})

it.concurrent('delete removes the group and its offsets; there is nothing to keep or to delete afterwards', async () => {
  const groupId = await leftGroup()
  expect(await run('delete', groupId)).toBe(`Kafka group ${groupId} is deleted`)
  expect(await offsetsOf(groupId)).toEqual({})
  expect(await run('delete', groupId)).toBe(`there is no Kafka group ${groupId}, nothing to delete`)
  expect(await run('keep-offsets', groupId)).toBe(`Kafka group ${groupId} has no offsets`)
})
