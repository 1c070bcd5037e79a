import { describe, expect, it } from 'vitest'
import { CommitMetadataTooLargeError } from '../../../src/sink/kafka/group-member.ts'
import { TenureLostError } from '../../../src/sink/record-source.ts'
import {
  anotherJoins,
  GROUP_AUTHORIZATION,
  holds,
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
  start,
  TOPIC_AUTHORIZATION,
  UNKNOWN_MEMBER,
  within,
} from './source-on-fake-kafka.ts'

onFakeKafka()

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

  it('that is refused for want of rights to the topic says so until one is accepted', async () => {
    kafka.next('OffsetCommit', TOPIC_AUTHORIZATION)
    start()
    const { first } = await joined()
    await expect(first.tenure.commit(5n, '')).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED')
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect(listener.problems).toEqual([
      'Kafka group group: commit of orders-0: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)',
    ])
    await listener.held[0]?.tenure.commit(5n, '')
    expect(listener.problems.at(-1)).toBeNull()
  })

  it('that is refused for want of rights to the topic is no problem any more of a member that the partition has left', async () => {
    kafka.next('OffsetCommit', TOPIC_AUTHORIZATION)
    start()
    const { second } = await joined()
    anotherJoins()
    await expect(second.tenure.commit(5n, '')).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED')
    await holds(['orders-0'])
    expect(listener.problems).toEqual([expect.stringContaining('commit of orders-1: not authorized'), null])
  })

  it('that is refused for want of rights to the group is no problem any more once the group is joined again', async () => {
    kafka.next('OffsetCommit', GROUP_AUTHORIZATION)
    start()
    const { first } = await joined()
    kafka.next('JoinGroup', GROUP_AUTHORIZATION)
    await expect(first.tenure.commit(5n, '')).rejects.toThrow('GROUP_AUTHORIZATION_FAILED')
    await within(() => expect(listener.handlers).toHaveLength(4))
    expect(listener.problems).toEqual([
      'Kafka group group: cannot join: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
      null,
    ])
  })

  it('waits while the coordinator cannot be reached, as nothing was sent yet', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    const port = await kafkaIsAway()
    await within(() => expect(listener.problems).toHaveLength(1))
    const committed = first.tenure.commit(5n, '')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await kafkaIsBack(port)
    await committed
    expect(kafka.sent('OffsetCommit')).toMatchObject([{ memberId: 'member-1', generationId: 1 }])
    expect(first.heard).toEqual([])
  })
})

describe('a commit while the coordinator moves', () => {
  it('is not sent before the new one has acknowledged the member', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    await kafkaIsBack(await kafkaIsAway())
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
    await kafkaIsBack(await kafkaIsAway())
    kafka.next('OffsetFetch', 14, 14)
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await first.tenure.commit(5n, '')
    const order = kafka.requests.map(({ api }) => api).filter((api) => ['OffsetFetch', 'OffsetCommit'].includes(api))
    expect(order).toEqual([...Array(3).fill('OffsetFetch'), 'OffsetCommit'])
    expect(first.heard).toEqual([])
  })

  it('is sent though the group rebalances, as the rebalance may wait for it', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    await kafkaIsBack(await kafkaIsAway())
    kafka.next('Heartbeat', ...Array<number>(20).fill(REBALANCE))
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await first.tenure.commit(5n, '')
    expect(kafka.sent('Heartbeat')).toHaveLength(1)
    expect(kafka.sent('OffsetCommit')).toMatchObject([{ memberId: 'member-1', generationId: 1 }])
  })

  it('is not sent at all when the new one does not know the member', async () => {
    start({ timings: { heartbeatIntervalMs: 10_000 } })
    const { first } = await joined()
    await kafkaIsBack(await kafkaIsAway())
    kafka.next('Heartbeat', UNKNOWN_MEMBER)
    await within(() => expect(kafka.sent('Fetch').length).toBeGreaterThan(0))
    await expect(first.tenure.commit(5n, '')).rejects.toThrow(TenureLostError)
    expect(kafka.sent('OffsetCommit')).toEqual([])
    expect(first.heard).toEqual(['lost'])
  })
})
