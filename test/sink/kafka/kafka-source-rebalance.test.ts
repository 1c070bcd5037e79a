import { describe, expect, it } from 'vitest'
import { CommitMetadataTooLargeError } from '../../../src/sink/kafka/group-member.ts'
import { TenureLostError } from '../../../src/sink/record-source.ts'
import {
  anotherJoins,
  both,
  holds,
  joined,
  kafka,
  listener,
  METADATA_TOO_LARGE,
  onFakeKafka,
  partitionsIn,
  REBALANCE,
  start,
  UNKNOWN_MEMBER,
  UNSTABLE,
  within,
} from './source-on-fake-kafka.ts'

onFakeKafka()

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

  it.each([
    ['with other metadata', { offset: 3n, metadata: 'foreign' }],
    ['at another offset', { offset: 9n, metadata: 'ours' }],
  ])('begins again in a partition that somebody else has committed %s, and only there', async (_how, foreign) => {
    start()
    const { first, second } = await joined()
    await first.tenure.commit(3n, 'ours')
    kafka.committed.set('orders-0', { ...foreign, leaderEpoch: -1 })
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(listener.handlers).toHaveLength(3))
    expect([first.heard, second.heard]).toEqual([['lost'], []])
    expect(listener.handlers[2]?.tenure.committed).toEqual(foreign)
  })

  it('keeps a partition whose last commit Kafka did not take', async () => {
    start()
    const { first } = await joined()
    kafka.next('OffsetCommit', METADATA_TOO_LARGE)
    await expect(first.tenure.commit(3n, 'long')).rejects.toThrow(CommitMetadataTooLargeError)
    kafka.next('Heartbeat', REBALANCE)
    await within(() => expect(listener.settledWith).toEqual([2, 2]))
    expect(first.heard).toEqual([])
    expect(listener.handlers).toHaveLength(2)
  })

  it('goes on without a topic whose rights were taken away, of which it is not even told what is committed', async () => {
    kafka.topics.set('payments', 1)
    start({ topics: ['orders', 'payments'] })
    await holds([...both, 'payments-0'])
    kafka.forbidden.add('payments')
    await holds(both)
    expect(listener.handlers.map(({ name, heard }) => [name, heard])).toEqual([
      ['orders-0', []],
      ['orders-1', []],
      ['payments-0', ['lost']],
    ])
    await listener.held[0]?.tenure.commit(4n, '')
    expect(listener.problems).toEqual([
      'Kafka topic payments: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)',
    ])
    kafka.forbidden.delete('payments')
    await holds([...both, 'payments-0'])
    expect(listener.problems.at(-1)).toBeNull()
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
      // The handler has so long: longer than a few heartbeats take on a busy machine.
      start({ timings: { rebalanceTimeoutMs: 10_000 } })
      const { second } = await joined()
      const gate = Promise.withResolvers<void>()
      second.onRevoked = () => gate.promise
      anotherJoins()
      await within(() => expect(second.heard).toEqual(['revoked']))
      const before = kafka.sent('Heartbeat').length
      kafka.next('Heartbeat', ...Array<number>(20).fill(REBALANCE))
      await within(() => expect(kafka.sent('Heartbeat').length).toBeGreaterThan(before + 2))
      expect(second.heard).toEqual(['revoked'])
      gate.resolve()
      await within(() => expect(second.heard).toEqual(['revoked', 'revoked done']))
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
    expect(listener.held.filter(({ tenure }) => tenure.isNewcomer).map(({ name }) => name)).toEqual(['orders-2'])
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
