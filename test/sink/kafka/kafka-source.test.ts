import { describe, expect, it } from 'vitest'
import { CommitMetadataTooLargeError } from '../../../src/sink/kafka/group-member.ts'
import { PartitionStoppedError } from '../../../src/sink/record-source.ts'
import {
  both,
  GROUP_AUTHORIZATION,
  ILLEGAL_GENERATION,
  joined,
  kafka,
  kafkaIsAway,
  kafkaIsBack,
  listener,
  METADATA_TOO_LARGE,
  NOT_COORDINATOR,
  onFakeKafka,
  REBALANCE,
  source,
  start,
  UNKNOWN_MEMBER,
  UNSTABLE,
  within,
} from './source-on-fake-kafka.ts'

onFakeKafka()

describe('a tenure', () => {
  it('brings the committed offset and metadata, and the cluster id', async () => {
    kafka.committed.set('orders-1', { offset: 42n, leaderEpoch: 3, metadata: 'v1 of something' })
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
        commits: [{ partition: 'orders-0', offset: 7n, leaderEpoch: -1, metadata: 'note' }],
      },
    ])
  })

  it('keeps the leader epoch that was committed with an offset', async () => {
    kafka.committed.set('orders-0', { offset: 42n, leaderEpoch: 3, metadata: 'ours' })
    start()
    const { first } = await joined()
    await first.tenure.commit(42n, 'once more')
    expect(kafka.committed.get('orders-0')).toEqual({ offset: 42n, leaderEpoch: 3, metadata: 'once more' })
  })

  it('believes no leader epoch beside an offset that a tool has committed', async () => {
    kafka.committed.set('orders-0', { offset: 42n, leaderEpoch: 3, metadata: '' })
    start()
    const { first } = await joined()
    expect(first.tenure.leaderEpochBefore(42n)).toBeNull()
    await first.tenure.commit(42n, 'ours')
    expect(kafka.committed.get('orders-0')).toEqual({ offset: 42n, leaderEpoch: -1, metadata: 'ours' })
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

  it('that its handler has stopped is held, and no problem of Kafka’s', async () => {
    listener.onAssigned = async (handler) => {
      handler.onRecords = async () => {
        throw new PartitionStoppedError()
      }
    }
    start()
    await joined()
    await within(() => expect(listener.handlers.map(({ position }) => position)).toEqual([0n, 0n]))
    const beats = kafka.sent('Heartbeat').length
    await within(() => expect(kafka.sent('Heartbeat').length).toBeGreaterThan(beats + 2))
    expect([listener.problems, listener.partitions]).toEqual([[], both])
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

describe('the membership', () => {
  it.each([
    ['UNKNOWN_MEMBER_ID', UNKNOWN_MEMBER, []],
    ['ILLEGAL_GENERATION', ILLEGAL_GENERATION, ['member-1']],
  ])(
    'is lost at once when a heartbeat says %s, and given up where the group still has it',
    async (_name, code, left) => {
      start()
      const { first, second } = await joined()
      kafka.next('Heartbeat', code)
      await within(() => expect(listener.handlers).toHaveLength(4))
      expect([first.heard, second.heard]).toEqual([['lost'], ['lost']])
      expect(kafka.sent('JoinGroup').at(-1)).toMatchObject({ memberId: 'member-2' })
      expect(kafka.sent('LeaveGroup').map(({ memberId }) => memberId)).toEqual(left)
    },
  )

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
    const port = await kafkaIsAway()
    await within(() => expect(listener.problems).toEqual([`Kafka: cannot reach 127.0.0.1:${port} (ECONNREFUSED)`]))
    await kafkaIsBack(port)
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
    await within(() => expect(listener.problems).toEqual(['orders partition 0 is stopped: metadata of somebody else']))
    await within(() => expect(listener.handlers[1]?.position).toBe(0n))
  })

  it('is not a partition whose handler cannot be made when it is lost by then', async () => {
    const gate = Promise.withResolvers<void>()
    let made = 0
    listener.onAssigned = () => (made++ === 0 ? gate.promise : Promise.resolve())
    start()
    await within(() => expect(listener.handlers).toHaveLength(2))
    kafka.next('Heartbeat', UNKNOWN_MEMBER)
    await within(() => expect(listener.handlers).toHaveLength(4))
    gate.reject(new Error('metadata of somebody else'))
    const beats = kafka.sent('Heartbeat').length
    await within(() => expect(kafka.sent('Heartbeat').length).toBeGreaterThan(beats))
    expect(listener.problems).toEqual([])
  })
})
