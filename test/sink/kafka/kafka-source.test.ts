import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { CommitMetadataTooLargeError } from '../../../src/sink/kafka/group-member.ts'
import { createKafkaSource, type KafkaTimings } from '../../../src/sink/kafka/kafka-source.ts'
import { encodeOwned } from '../../../src/sink/kafka/member-data.ts'
import { assignmentOf } from '../../../src/sink/kafka/protocol.ts'
import { type RecordSource, TenureLostError } from '../../../src/sink/record-source.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'
import { RecordingListener } from '../../support/recording-listener.ts'
import { block, bytes, list } from '../../support/wire.ts'

const [
  NOT_COORDINATOR,
  METADATA_TOO_LARGE,
  ILLEGAL_GENERATION,
  UNKNOWN_MEMBER,
  REBALANCE,
  GROUP_AUTHORIZATION,
  UNSTABLE,
] = [16, 12, 22, 25, 27, 30, 88] as const

const timings: Partial<KafkaTimings> = {
  sessionTimeoutMs: 1_000,
  heartbeatIntervalMs: 30,
  rebalanceTimeoutMs: 400,
  metadataRefreshMs: 100,
  requestTimeoutMs: 300,
  connectTimeoutMs: 500,
}

let kafka: FakeKafka
let listener: RecordingListener
let source: RecordSource
let running: Promise<void>

beforeEach(async () => {
  kafka = await FakeKafka.start({ orders: 2 })
  listener = new RecordingListener()
})

afterEach(async () => {
  await source.stop(AbortSignal.timeout(500))
  await running
  await kafka.stop()
})

function start(
  overrides: { bootstrapServers?: string[]; topics?: string[]; timings?: Partial<KafkaTimings> } = {},
): void {
  source = createKafkaSource({
    config: { bootstrapServers: overrides.bootstrapServers ?? [`127.0.0.1:${kafka.port}`], groupId: 'group' },
    topics: () => ({
      filter: { acme: overrides.topics ?? ['orders'] },
      topicPattern: 'x.{namespace}.{eventName}',
      realm: 'dev',
    }),
    clientId: 'test',
    logger: createLogger('silent'),
    clock: systemClock,
    timings: { ...timings, ...overrides.timings },
  })
  running = source.run(listener)
}

const within = <T>(check: () => T) => eventually(3_000, check, 5)
const holds = (partitions: string[]) => within(() => expect(listener.partitions).toEqual(partitions))
const both = ['orders-0', 'orders-1']

async function joined() {
  await holds(both)
  const [first, second] = listener.held
  if (!first || !second) throw new Error('unreachable')
  return { first, second }
}

/** From the next heartbeat on the group has another member, which holds nothing. */
function anotherJoins(): void {
  const memberData = bytes(
    [16, 1],
    list(['orders'], (topic) => bytes(topic)),
    block(encodeOwned(-1, [])),
  )
  kafka.other = { memberId: 'other', memberData }
  kafka.next('Heartbeat', REBALANCE)
}

function partitionsIn(assignment: Buffer): number[] {
  return assignmentOf({ errorCode: 0, memberAssignment: assignment }).flatMap(({ partitions }) => partitions)
}

describe('a tenure', () => {
  it('brings the committed offset and metadata, and the cluster id', async () => {
    kafka.committed.set('orders-1', { offset: 42n, metadata: 'v1 of something' })
    start()
    const { first, second } = await joined()
    expect(first.tenure).toMatchObject({ clusterId: 'fake-cluster', committed: { offset: -1n, metadata: '' } })
    expect(second.tenure.committed).toEqual({ offset: 42n, metadata: 'v1 of something' })
  })

  it('commits under the member id and generation of its assignment', async () => {
    start()
    const { first } = await joined()
    await first.tenure.commit(7n, 'note')
    expect(kafka.sent('OffsetCommit')).toMatchObject([
      {
        memberId: 'member-1',
        generationId: 1,
        commits: [{ partition: 'orders-0', offset: 7n, metadata: 'note' }],
      },
    ])
  })

  it('is not built before the coordinator tells the offset', async () => {
    kafka.next('OffsetFetch', UNSTABLE, NOT_COORDINATOR)
    start()
    await joined()
    expect(kafka.sent('OffsetFetch')).toHaveLength(3)
    expect(kafka.sent('JoinGroup')).toHaveLength(2)
  })

  it('that is slow to begin holds up no other', async () => {
    const gate = Promise.withResolvers<void>()
    listener.onAssigned = ({ tenure }) => (tenure.partition === 0 ? gate.promise : Promise.resolve())
    start()
    await within(() => expect(listener.handlers[1]?.position).toBe(0n))
    expect(listener.handlers[0]?.position).toBe(-1n)
    gate.resolve()
    await within(() => expect(listener.handlers[0]?.position).toBe(0n))
  })

  it('goes on when only the metadata was too long', async () => {
    kafka.next('OffsetCommit', METADATA_TOO_LARGE)
    start()
    const { first } = await joined()
    await expect(first.tenure.commit(1n, 'long')).rejects.toThrow(CommitMetadataTooLargeError)
    await first.tenure.commit(1n, 'short')
    expect(first.heard).toEqual([])
  })
})

describe('a commit', () => {
  it.each([
    ['is refused as of an old generation', ILLEGAL_GENERATION],
    ['is refused as of an unknown member', UNKNOWN_MEMBER],
    ['is refused by a broker that does not coordinate the group any more', NOT_COORDINATOR],
    ['loses its connection', 'cut'],
    ['is not answered', 'silence'],
  ] as const)(
    'that %s ends every tenure, is not sent again, and the member comes back as a new one',
    async (_what, fate) => {
      kafka.next('OffsetCommit', fate)
      start()
      const { first, second } = await joined()
      await expect(first.tenure.commit(5n, '')).rejects.toThrow(TenureLostError)
      expect(first.tenure.ended.aborted).toBe(true)
      expect([first.heard, second.heard]).toEqual([['lost'], ['lost']])
      await expect(second.tenure.commit(5n, '')).rejects.toThrow(TenureLostError)
      await within(() => expect(listener.handlers).toHaveLength(4))
      expect(kafka.sent('OffsetCommit')).toHaveLength(1)
      expect(new Set(kafka.sent('Heartbeat').map(({ memberId }) => memberId))).not.toContain(undefined)
      await listener.held[0]?.tenure.commit(5n, '')
      expect(kafka.sent('OffsetCommit').at(-1)).toMatchObject({ memberId: 'member-2', generationId: 2 })
    },
  )

  it('shares a request with those of other partitions that come at the same time, and each has its own answer', async () => {
    kafka.next('OffsetCommit', METADATA_TOO_LARGE)
    start()
    const { first, second } = await joined()
    const [refused, accepted] = await Promise.allSettled([first.tenure.commit(5n, 'x'), second.tenure.commit(6n, 'y')])
    expect(refused).toMatchObject({ reason: expect.any(CommitMetadataTooLargeError) })
    expect(accepted).toMatchObject({ status: 'fulfilled' })
    expect(kafka.sent('OffsetCommit')).toMatchObject([
      {
        commits: [
          { partition: 'orders-0', offset: 5n, metadata: 'x' },
          { partition: 'orders-1', offset: 6n, metadata: 'y' },
        ],
      },
    ])
    expect([...kafka.committed.keys()]).toEqual(['orders-1'])
  })

  it('whose outcome is unknown makes the member leave', async () => {
    kafka.next('OffsetCommit', 'cut')
    start()
    const { first } = await joined()
    await first.tenure.commit(5n, '').catch(() => {})
    await within(() => expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }]))
  })

  it('whose outcome is unknown makes the member leave before it joins again, even if that takes several attempts', async () => {
    kafka.next('OffsetCommit', 'cut')
    kafka.next('LeaveGroup', NOT_COORDINATOR, 'cut')
    start()
    const { first } = await joined()
    await first.tenure.commit(5n, '').catch(() => {})
    await within(() => expect(listener.handlers).toHaveLength(4))
    const order = kafka.requests.filter(({ api }) => api === 'LeaveGroup' || api === 'JoinGroup').slice(2)
    expect(order.map(({ api, memberId }) => [api, memberId])).toEqual([
      ...Array(3).fill(['LeaveGroup', 'member-1']),
      ['JoinGroup', ''],
      ['JoinGroup', 'member-2'],
    ])
  })

  it('that is refused for want of rights says so until one is accepted', async () => {
    kafka.next('OffsetCommit', GROUP_AUTHORIZATION)
    start()
    const { first } = await joined()
    await expect(first.tenure.commit(5n, '')).rejects.toThrow('GROUP_AUTHORIZATION_FAILED')
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect(listener.problems).toEqual([
      'Kafka group group: commit of orders-0: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
    ])
    await listener.held[0]?.tenure.commit(5n, '')
    expect(listener.problems.at(-1)).toBeNull()
  })

  it('waits while the coordinator cannot be reached, as nothing was sent yet', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    const { port } = kafka
    await kafka.stop()
    await within(() => expect(listener.problems).toHaveLength(1))
    const committed = first.tenure.commit(5n, '')
    await new Promise((resolve) => setTimeout(resolve, 100))
    kafka = await FakeKafka.start({ orders: 2 }, port)
    await committed
    expect(kafka.sent('OffsetCommit')).toMatchObject([{ memberId: 'member-1', generationId: 1 }])
    expect(first.heard).toEqual([])
  })
})

describe('a commit while the coordinator moves', () => {
  it('is not sent before the new one has acknowledged the member', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    const { port } = kafka
    await kafka.stop()
    kafka = await FakeKafka.start({ orders: 2 }, port)
    kafka.next('Heartbeat', NOT_COORDINATOR, 'cut', 14)
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await first.tenure.commit(5n, '')
    const order = kafka.requests.map(({ api }) => api).filter((api) => ['Heartbeat', 'OffsetCommit'].includes(api))
    expect(order).toEqual([...Array(4).fill('Heartbeat'), 'OffsetCommit'])
    expect(first.heard).toEqual([])
  })

  it('is not sent while the new one still loads its groups, though it answers heartbeats', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    const { port } = kafka
    await kafka.stop()
    kafka = await FakeKafka.start({ orders: 2 }, port)
    kafka.next('OffsetFetch', 14, 14)
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await first.tenure.commit(5n, '')
    const order = kafka.requests.map(({ api }) => api).filter((api) => ['OffsetFetch', 'OffsetCommit'].includes(api))
    expect(order).toEqual([...Array(3).fill('OffsetFetch'), 'OffsetCommit'])
    expect(first.heard).toEqual([])
  })

  it('is not sent at all when the new one does not know the member', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    const { port } = kafka
    await kafka.stop()
    kafka = await FakeKafka.start({ orders: 2 }, port)
    kafka.next('Heartbeat', UNKNOWN_MEMBER)
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await expect(first.tenure.commit(5n, '')).rejects.toThrow(TenureLostError)
    expect(kafka.sent('OffsetCommit')).toEqual([])
    expect(first.heard).toEqual(['lost'])
  })
})

describe('a rebalance', () => {
  it('leaves what is kept as it is: same tenure, next generation, position and buffers untouched', async () => {
    start()
    const { first } = await joined()
    await first.tenure.commit(3n, 'before')
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(listener.settledWith).toEqual([2, 2]))
    await first.tenure.commit(4n, 'after')
    expect(listener.handlers.flatMap(({ heard }) => heard)).toEqual([])
    expect(listener.handlers).toHaveLength(2)
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-1' })
    expect(kafka.sent('OffsetCommit').map(({ memberId, generationId }) => [memberId, generationId])).toEqual([
      ['member-1', 1],
      ['member-1', 2],
    ])
  })

  it('holds back commits from before it joins until it knows that the partition is still its own', async () => {
    start()
    const { first } = await joined()
    kafka.next('OffsetFetch', UNSTABLE)
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(kafka.sent('JoinGroup').length).toBeGreaterThan(2))
    await first.tenure.commit(4n, '')
    const order = kafka.requests.map(({ api }) => api).filter((api) => ['OffsetFetch', 'OffsetCommit'].includes(api))
    expect(order).toEqual([...Array(3).fill('OffsetFetch'), 'OffsetCommit'])
    expect(kafka.sent('OffsetCommit')).toMatchObject([{ generationId: 2 }])
  })

  it('waits for a commit under way, and joins as a new member when its outcome is unknown', async () => {
    start()
    const { first } = await joined()
    kafka.next('OffsetCommit', 'silence')
    const committed = first.tenure.commit(4n, '')
    kafka.next('Heartbeat', REBALANCE)
    await expect(committed).rejects.toThrow(TenureLostError)
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect(first.heard).toEqual(['lost'])
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-2' })
  })

  it('begins again in a partition that somebody else has committed meanwhile, and only there', async () => {
    start()
    const { first, second } = await joined()
    await first.tenure.commit(3n, '')
    kafka.committed.set('orders-0', { offset: 3n, metadata: 'foreign' })
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(listener.handlers).toHaveLength(3))
    expect([first.heard, second.heard]).toEqual([['lost'], []])
    expect(listener.handlers[2]?.tenure.committed).toEqual({ offset: 3n, metadata: 'foreign' })
  })

  it('ends every tenure when the coordinator has forgotten the member', async () => {
    start()
    const { first, second } = await joined()
    kafka.next('JoinGroup', UNKNOWN_MEMBER)
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect([first.heard, second.heard]).toEqual([['lost'], ['lost']])
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-2' })
  })

  describe('that gives a partition to another member', () => {
    it('lets its handler finish and commit in the new generation, and then joins again without it', async () => {
      start()
      const { first, second } = await joined()
      second.onRevoked = () => second.tenure.commit(9n, '')
      anotherJoins()
      await within(() => expect(second.heard).toEqual(['revoked', 'revoked done']))
      expect(second.reason).toBe('rebalance')
      expect(kafka.sent('OffsetCommit')).toMatchObject([{ generationId: 2, commits: [{ partition: 'orders-1' }] }])
      await within(() => expect(kafka.sent('SyncGroup')).toHaveLength(3))
      const assigned = kafka
        .sent('SyncGroup')
        .map(({ assignments }) => [...(assignments ?? [])].map(([, to]) => partitionsIn(to)))
      expect(assigned).toEqual([[[0, 1]], [[0], []], [[0], [1]]])
      expect(first.heard).toEqual([])
      expect(listener.partitions).toEqual(['orders-0'])
    })

    it('keeps the session alive while its handler finishes', async () => {
      start()
      const { second } = await joined()
      second.onRevoked = () => new Promise((resolve) => setTimeout(resolve, 200))
      anotherJoins()
      await within(() => expect(second.heard).toEqual(['revoked']))
      const before = kafka.sent('Heartbeat').length
      kafka.next('Heartbeat', ...Array<number>(20).fill(REBALANCE))
      await within(() => expect(second.heard).toEqual(['revoked', 'revoked done']))
      expect(kafka.sent('Heartbeat').length).toBeGreaterThan(before + 2)
    })

    it('goes on without a handler that does not finish in time, and takes its right to commit', async () => {
      start()
      const { second } = await joined()
      const deadline = Promise.withResolvers<boolean>()
      second.onRevoked = (signal) =>
        new Promise(() => signal.addEventListener('abort', () => deadline.resolve(second.tenure.ended.aborted)))
      anotherJoins()
      await deadline.promise
      await within(() => expect(kafka.sent('SyncGroup')).toHaveLength(3))
      expect(second.heard).toEqual(['revoked', 'lost'])
      await expect(second.tenure.commit(1n, '')).rejects.toThrow(TenureLostError)
      expect(kafka.sent('OffsetCommit')).toEqual([])
    })

    it('waits for a handler that is still being made, to let it finish too', async () => {
      const gate = Promise.withResolvers<void>()
      listener.onAssigned = ({ tenure }) => (tenure.partition === 1 ? gate.promise : Promise.resolve())
      start()
      await within(() => expect(listener.handlers).toHaveLength(2))
      anotherJoins()
      // In place: from now on the partition is being given up.
      await within(() => expect(listener.settledWith).toHaveLength(2))
      gate.resolve()
      await within(() => expect(listener.handlers[1]?.heard).toEqual(['revoked', 'revoked done']))
      expect(listener.handlers[1]?.position).toBe(-1n)
    })
  })

  it('happens when partitions are added, by the leader', async () => {
    start()
    await joined()
    kafka.topics.set('orders', 3)
    await holds([...both, 'orders-2'])
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-1' })
  })

  it('happens when a topic appears that the filter asks for', async () => {
    start({ topics: ['orders', 'invoices'] })
    await joined()
    expect(listener.problems).toEqual(['Kafka topic invoices does not exist'])
    kafka.topics.set('invoices', 1)
    await holds(['invoices-0', ...both])
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ topics: ['invoices', 'orders'] })
    expect(listener.problems.at(-1)).toBeNull()
  })
})

describe('the membership', () => {
  it.each([
    ['UNKNOWN_MEMBER_ID', UNKNOWN_MEMBER],
    ['ILLEGAL_GENERATION', ILLEGAL_GENERATION],
  ])('is lost at once when a heartbeat says %s', async (_name, code) => {
    start()
    const { first, second } = await joined()
    kafka.next('Heartbeat', code)
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect([first.heard, second.heard]).toEqual([['lost'], ['lost']])
    expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-2' })
  })

  it('survives a coordinator that moves or loads', async () => {
    start()
    const { first } = await joined()
    kafka.next('Heartbeat', NOT_COORDINATOR, 14, 'cut')
    const before = kafka.sent('Heartbeat').length
    await within(() => expect(kafka.sent('Heartbeat').length).toBeGreaterThan(before + 5))
    expect(kafka.sent('FindCoordinator').length).toBeGreaterThanOrEqual(3)
    expect(kafka.sent('JoinGroup')).toHaveLength(2)
    expect(first.tenure.ended.aborted).toBe(false)
  })

  it('survives a broker that is away for a while', async () => {
    start()
    const { first } = await joined()
    const { port } = kafka
    await kafka.stop()
    await within(() => expect(listener.problems).toEqual([`Kafka: cannot reach 127.0.0.1:${port} (ECONNREFUSED)`]))
    kafka = await FakeKafka.start({ orders: 2 }, port)
    await within(() => expect(listener.problems.at(-1)).toBeNull())
    expect(first.heard).toEqual([])
    await within(() => expect(kafka.sent('Heartbeat').at(-1)).toMatchObject({ memberId: 'member-1', generationId: 1 }))
  })

  it('is sought again at once when the group was faster, however often', async () => {
    kafka.next('SyncGroup', ...Array.from({ length: 6 }, () => [REBALANCE, UNKNOWN_MEMBER]).flat())
    start()
    await joined()
  })

  it('never has two sets of tenures under one generation', async () => {
    kafka.stuckGeneration = 5
    start()
    await joined()
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }]))
    await within(() => expect(listener.handlers).toHaveLength(4))
    await listener.held[0]?.tenure.commit(1n, '')
    expect(kafka.sent('OffsetCommit')).toMatchObject([{ memberId: 'member-2', generationId: 5 }])
  })

  it('counts no partitions where no topic exists', async () => {
    start({ topics: ['nope'] })
    await within(() => expect(listener.settledWith).toEqual([0]))
    expect(source.lag()).toBe(0)
  })
})

describe('what is wrong', () => {
  it('is told in one line with the address, and the source goes on trying', async () => {
    start({ bootstrapServers: ['127.0.0.1:1', '[::1]:1'] })
    await within(() =>
      expect(listener.problems).toEqual([
        'Kafka: cannot reach 127.0.0.1:1 (ECONNREFUSED), cannot reach [::1]:1 (ECONNREFUSED)',
      ]),
    )
  })

  it('is told when the group may not be used, and taken back when it may', async () => {
    kafka.next('JoinGroup', GROUP_AUTHORIZATION)
    start()
    await joined()
    expect(listener.problems).toEqual([
      'Kafka group group: cannot join: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
      null,
    ])
  })

  it('is told when heartbeats are refused, while the membership may still last', async () => {
    start()
    const { first } = await joined()
    kafka.next('Heartbeat', GROUP_AUTHORIZATION, GROUP_AUTHORIZATION, GROUP_AUTHORIZATION)
    await within(() =>
      expect(listener.problems).toEqual([
        'Kafka group group: heartbeat: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
        null,
      ]),
    )
    expect(first.heard).toEqual([])
  })

  it('is not told for what belongs to any rebalance', async () => {
    kafka.next('FindCoordinator', 15)
    kafka.next('SyncGroup', REBALANCE)
    kafka.next('JoinGroup', 0, UNKNOWN_MEMBER)
    start()
    await joined()
    expect(listener.problems).toEqual([])
  })

  it('names the partition whose handler cannot be made, and the others are read', async () => {
    listener.onAssigned = async ({ tenure }) => {
      if (tenure.partition === 0) throw new Error('metadata of somebody else')
    }
    start()
    await within(() => expect(listener.problems).toEqual(['Kafka orders-0 is stopped: metadata of somebody else']))
    await within(() => expect(listener.handlers[1]?.position).toBe(0n))
  })
})

describe('stop', () => {
  it('lets handlers finish and commit, leaves, and is done', async () => {
    start()
    const { first, second } = await joined()
    first.onRevoked = () => first.tenure.commit(3n, '')
    await source.stop(AbortSignal.timeout(2_000))
    await running
    expect([first.heard, second.heard]).toEqual(Array(2).fill(['revoked', 'revoked done']))
    expect(first.reason).toBe('shutdown')
    expect(kafka.sent('OffsetCommit')).toHaveLength(1)
    expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
  })

  it('does not begin to read for a handler that is still being told where it begins', async () => {
    const gate = Promise.withResolvers<void>()
    listener.onAssigned = async (handler) => {
      handler.onRecords = () => gate.promise
      handler.onRevoked = async () => {
        gate.resolve()
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    start()
    await within(() => expect(listener.handlers.map(({ position }) => position)).toEqual([0n, 0n]))
    await source.stop(AbortSignal.timeout(2_000))
    expect(kafka.sent('Fetch')).toEqual([])
  })

  it('does not wait for a handler beyond the deadline', async () => {
    start()
    const { first } = await joined()
    first.onRevoked = () => new Promise(() => {})
    await source.stop(AbortSignal.timeout(100))
    await running
    expect(first.heard).toEqual(['revoked', 'lost'])
  })

  it('does not wait for the others in the group when it comes while joining', async () => {
    kafka.next('JoinGroup', 0, 'silence')
    start({ timings: { rebalanceTimeoutMs: 60_000 } })
    await within(() => expect(kafka.sent('JoinGroup')).toHaveLength(2))
    const began = Date.now()
    await source.stop(AbortSignal.timeout(5_000))
    expect(Date.now() - began).toBeLessThan(1_000)
    expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
  })

  it('is at once when Kafka was never reached, and may be called again', async () => {
    start({ bootstrapServers: ['127.0.0.1:1'] })
    await within(() => expect(listener.problems).toHaveLength(1))
    const began = Date.now()
    await source.stop(AbortSignal.timeout(5_000))
    await source.stop(AbortSignal.timeout(5_000))
    expect(Date.now() - began).toBeLessThan(1_000)
  })
})
