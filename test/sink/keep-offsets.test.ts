import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { encodeOwned } from '../../src/sink/kafka/member-data.ts'
import { type Kept, keepOffsets } from '../../src/sink/keep-offsets.ts'
import { FakeKafka } from '../support/fake-kafka.ts'
import { block, bytes, list } from '../support/wire.ts'

/** More than one request takes. */
const PARTITIONS = 600
const settings = { clientId: 'test', connectTimeoutMs: 2_000, requestTimeoutMs: 2_000, logger: createLogger('silent') }

let kafka: FakeKafka
let cluster: KafkaCluster

beforeEach(async () => {
  kafka = await FakeKafka.start({ orders: PARTITIONS })
  cluster = new KafkaCluster([`127.0.0.1:${kafka.port}`], settings)
  for (let p = 0; p < PARTITIONS; p++)
    kafka.committed.set(`orders-${p}`, { offset: BigInt(p), leaderEpoch: p % 3, metadata: `of ${p}` })
})

afterEach(async () => {
  cluster.close()
  await kafka.stop()
})

/** @param isActive what Kafka says of the group; what it has is what the fake broker has at the beginning */
function keep(isActive = false): Promise<Kept> {
  const offsets = [...kafka.committed].map(([name, committed]) => {
    const [topic = '', partition] = name.split('-')
    return { topic, partition: Number(partition), ...committed }
  })
  return keepOffsets({
    admin: { groupId: 'group', isActive: async () => isActive, offsets: async () => offsets },
    cluster,
    clock: systemClock,
    ended: new AbortController().signal,
  })
}

const committed = () => kafka.sent('OffsetCommit').map(({ commits = [] }) => commits)

test('every offset is committed again as it is, in as many requests as it takes, and the member leaves', async () => {
  const before = new Map(kafka.committed)
  expect(await keep()).toEqual({ kind: 'kept', partitions: PARTITIONS })
  expect(committed().map(({ length }) => length)).toEqual([500, 100])
  expect(committed().flat()).toHaveLength(PARTITIONS)
  expect(kafka.committed).toEqual(before)
  expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
})

test('a group with members, or without offsets, is not joined', async () => {
  expect(await keep(true)).toEqual({ kind: 'active' })
  kafka.committed.clear()
  expect(await keep()).toEqual({ kind: 'none' })
  expect(kafka.sent('JoinGroup')).toEqual([])
})

test('of a partition that another member has nothing is committed', async () => {
  const data = bytes(
    [16, 1],
    list(['orders'], (topic) => bytes(topic)),
    block(encodeOwned(7, [{ topic: 'orders', partitions: [1] }])),
  )
  kafka.other = { memberId: 'sink', memberData: data }
  expect(await keep()).toEqual({ kind: 'active' })
  const partitions = committed().flatMap((each) => each.map(({ partition }) => partition))
  expect(partitions.length).toBeGreaterThan(0)
  expect(partitions).not.toContain('orders-1')
})

test('what Kafka has forgotten meanwhile is not made up', async () => {
  const keeping = keep()
  kafka.committed.delete('orders-3')
  await keeping
  expect(kafka.committed.has('orders-3')).toBe(false)
})

test('a refusal is told when all others have been committed, and the member leaves', async () => {
  kafka.next('OffsetCommit', 29)
  await expect(keep()).rejects.toThrow('not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)')
  expect(committed().map(({ length }) => length)).toEqual([500, 100])
  expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
})
