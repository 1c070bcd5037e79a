import { expect, test } from 'vitest'
import { createLogger } from '../../../src/lib/logger.ts'
import { namesOf, type TopicPartitions } from '../../../src/sink/kafka/assignment.ts'
import type { Generation } from '../../../src/sink/kafka/group-member.ts'
import { KafkaError } from '../../../src/sink/kafka/kafka-error.ts'
import { Membership, type MembershipOptions } from '../../../src/sink/kafka/membership.ts'
import type { FoundOffset, PartitionCommit } from '../../../src/sink/kafka/offset-calls.ts'
import { Problems } from '../../../src/sink/kafka/problems.ts'
import { TenureLostError, TopicRecreatedError } from '../../../src/sink/record-source.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { RecordingListener } from '../../support/recording-listener.ts'

const NOTHING = { offset: -1n, leaderEpoch: -1, metadata: '' }
const never = new AbortController().signal

function generation(generationId: number, ...partitions: number[]): Generation {
  return { memberId: 'm', generationId, assigned: [{ topic: 't', partitions }], plannedFor: new Map() }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await settled()
}

/** A membership whose coordinator takes every commit and tells it again, but for what a test says. */
function setUp(member: Partial<MembershipOptions['member']> = {}) {
  const clock = new FakeClock()
  const told: (string | null)[] = []
  const problems = new Problems((line) => told.push(line))
  const listener = new RecordingListener()
  const committed = new Map<string, FoundOffset>()
  const sent: [generationId: number, partitions: number[]][] = []
  const beats: number[] = []
  const recreated = new Map<string, TopicRecreatedError>()
  const reading = { isClosed: false }
  const membership = new Membership({
    member: {
      committedOffsets: async (assigned: readonly TopicPartitions[], held: readonly TopicPartitions[] = []) =>
        new Map(namesOf([...assigned, ...held]).map((name) => [name, committed.get(name) ?? NOTHING])),
      commit: async ({ generationId }, commits: readonly PartitionCommit[]) => {
        sent.push([generationId, commits.map(({ partition }) => partition)])
        for (const { topic, partition, offset, leaderEpoch = -1, metadata } of commits)
          committed.set(`${topic}-${partition}`, { offset, leaderEpoch, metadata })
        return commits.map(() => null)
      },
      heartbeat: async ({ generationId }) => void beats.push(generationId),
      ...member,
    },
    reading: {
      begin: async () => {},
      failed: () => {},
      lag: () => 0,
      readable: () => 0,
      regroup: () => {},
      close: () => {
        reading.isClosed = true
      },
    },
    clusterId: 'c',
    topicIds: {
      recreated: async (commits) =>
        new Map([...recreated].filter(([name]) => commits.some((each) => `${each.topic}-${each.partition}` === name))),
    },
    topicIdOf: () => undefined,
    newcomers: { has: () => false },
    clock,
    logger: createLogger('silent'),
    problems,
    listener,
    heartbeatIntervalMs: 1_000,
    revocationMs: 1_000,
  })
  return { membership, clock, told, problems, listener, committed, sent, beats, recreated, reading }
}

/** Offsets that are told when the test says so. */
function askedByHand() {
  const asked: PromiseWithResolvers<Map<string, FoundOffset>>[] = []
  const committedOffsets = () => {
    const answer = Promise.withResolvers<Map<string, FoundOffset>>()
    asked.push(answer)
    return answer.promise
  }
  return { asked, committedOffsets }
}

test('an answer that fails after its generation is over is no problem of the one that follows', async () => {
  const { asked, committedOffsets } = askedByHand()
  const { membership, clock, told } = setUp({ committedOffsets })
  membership.adopt(generation(1, 0))
  asked[0]?.reject(new Error('refused'))
  await settled()
  clock.advance(1_000)
  await settled()
  await membership.pause()
  membership.adopt(generation(2, 0))
  asked[2]?.resolve(new Map([['t-0', NOTHING]]))
  await settled()
  asked[1]?.reject(new Error('no answer'))
  await settled()
  expect(asked).toHaveLength(3)
  expect(told).toEqual([])
})

test('offsets that are told after their generation is over are those of nobody', async () => {
  const { asked, committedOffsets } = askedByHand()
  const { membership, listener } = setUp({ committedOffsets })
  membership.adopt(generation(1, 0))
  await membership.pause()
  membership.adopt(generation(2, 1))
  asked[0]?.resolve(new Map([['t-0', NOTHING]]))
  await settle()
  expect(listener.partitions).toEqual([])
  asked[1]?.resolve(new Map([['t-1', NOTHING]]))
  await settle()
  expect(listener.partitions).toEqual(['t-1'])
})

test('a partition that was given up and comes back begins anew, and the one that was kept goes on', async () => {
  const { membership, listener } = setUp()
  membership.adopt(generation(1, 0, 1))
  await settle()
  await membership.pause()
  membership.adopt(generation(2, 0))
  expect(await membership.generationEnd).toBe('rebalance')
  expect(membership.held()).toEqual([{ topic: 't', partitions: [0] }])
  await membership.pause()
  membership.adopt(generation(3, 0, 1))
  await settle()
  expect(listener.handlers.map(({ name, heard }) => [name, heard])).toEqual([
    ['t-0', []],
    ['t-1', ['revoked', 'revoked done']],
    ['t-1', []],
  ])
})

test('a group that rebalances meanwhile is not joined again before what is given up has finished', async () => {
  const { membership, listener } = setUp()
  membership.adopt(generation(1, 0, 1))
  await settle()
  const finished = Promise.withResolvers<void>()
  for (const handler of listener.handlers) handler.onRevoked = () => finished.promise
  await membership.pause()
  membership.adopt(generation(2, 0))
  await settle()
  membership.rejoin()
  let isPaused = false
  const pausing = membership.pause().then(() => {
    isPaused = true
  })
  await settle()
  expect([isPaused, listener.handlers[1]?.heard]).toEqual([false, ['revoked']])
  finished.resolve()
  await pausing
  expect(membership.held()).toEqual([{ topic: 't', partitions: [0] }])
})

test('what is wrong with a partition is no problem any more when it is given up', async () => {
  const { membership, problems, told } = setUp()
  membership.adopt(generation(1, 0, 1))
  await settle()
  problems.set('partition t-1', 't partition 1 is stopped: damaged')
  await membership.pause()
  membership.adopt(generation(2, 0))
  await membership.generationEnd
  expect(told).toEqual(['t partition 1 is stopped: damaged', null])
})

test('a partition that somebody else has committed begins again, with nothing wrong so far', async () => {
  const { membership, listener, committed, problems, told } = setUp()
  membership.adopt(generation(1, 0, 1))
  await settle()
  problems.set('partition t-1', 't partition 1 is stopped: damaged')
  committed.set('t-1', { offset: 9n, leaderEpoch: -1, metadata: 'foreign' })
  await membership.pause()
  membership.adopt(generation(2, 0, 1))
  await settle()
  expect(listener.handlers.map(({ name, heard }) => [name, heard])).toEqual([
    ['t-0', []],
    ['t-1', ['lost']],
    ['t-1', []],
  ])
  expect(told).toEqual(['t partition 1 is stopped: damaged', null])
})

test('when it is lost all handlers hear so, nothing is read any more, and nothing is wrong with its partitions', async () => {
  const { membership, listener, problems, told, reading } = setUp()
  membership.adopt(generation(1, 0, 1))
  await settle()
  problems.set('partition t-1', 't partition 1 is stopped: damaged')
  membership.lose(new Error('expelled'))
  expect(await membership.generationEnd).toBe('lost')
  await settle()
  expect(listener.handlers.map(({ heard }) => heard)).toEqual([['lost'], ['lost']])
  expect(reading.isClosed).toBe(true)
  expect(told.at(-1)).toBeNull()
})

test('when it ends after joining again has failed, handlers still commit, in the generation that they have', async () => {
  const { membership, listener, sent } = setUp()
  membership.adopt(generation(7, 0))
  await settle()
  const [handler] = listener.handlers
  if (handler) handler.onRevoked = () => handler.tenure.commit(3n, '')
  await membership.pause()
  await membership.end(never)
  expect(sent).toEqual([[7, [0]]])
  expect(handler?.heard).toEqual(['revoked', 'revoked done'])
})

test('once lost it takes no generation any more', async () => {
  const { asked, committedOffsets } = askedByHand()
  const { membership, clock, beats } = setUp({ committedOffsets })
  membership.lose(new Error('expelled'))
  membership.adopt(generation(1, 0))
  expect(await membership.generationEnd).toBe('lost')
  await clock.advance(5_000)
  expect([asked, beats]).toEqual([[], []])
})

test('what was not verified when it ends is lost: whose it is nobody knows', async () => {
  const { asked, committedOffsets } = askedByHand()
  const { membership, listener, sent } = setUp({ committedOffsets })
  membership.adopt(generation(1, 0))
  asked[0]?.resolve(new Map([['t-0', NOTHING]]))
  await settle()
  const [handler] = listener.handlers
  if (handler) handler.onRevoked = () => handler.tenure.commit(3n, '')
  await membership.pause()
  membership.adopt(generation(2, 0))
  await membership.end(AbortSignal.abort())
  await settle()
  expect([handler?.heard, sent]).toEqual([['lost'], []])
})

test('heartbeats are those of the last generation, and end with the membership', async () => {
  const { membership, clock, beats } = setUp()
  membership.adopt(generation(1, 0))
  await clock.advance(2_000)
  await membership.pause()
  membership.adopt(generation(2, 0))
  await clock.advance(2_000)
  expect(beats).toEqual([1, 1, 2, 2])
  await membership.end(never)
  await clock.advance(5_000)
  expect(beats).toHaveLength(4)
  expect(clock.pendingTimers).toBe(0)
})

test('what a commit waits for is a problem until it is sent, or nobody waits any more', async () => {
  const answer = Promise.withResolvers<(Error | null)[]>()
  const commit: MembershipOptions['member']['commit'] = (_identity, _commits, _ended, onTrouble) => {
    onTrouble?.(new KafkaError('Kafka group g: cannot read committed offsets', 14))
    return answer.promise
  }
  const { membership, listener, told } = setUp({ commit })
  membership.adopt(generation(1, 0))
  await settle()
  const committed = listener.held[0]?.tenure.commit(5n, '')
  await settle()
  expect(told).toEqual([expect.stringContaining('COORDINATOR_LOAD_IN_PROGRESS')])
  answer.reject(new TenureLostError('the tenure ended before a commit was sent'))
  await expect(committed).rejects.toThrow(TenureLostError)
  expect(told.at(-1)).toBeNull()
})

test('of partitions that commit at once only those of a topic that was created again are refused, and nothing is lost', async () => {
  const { membership, listener, sent, recreated } = setUp()
  membership.adopt(generation(1, 0, 1, 2))
  await settle()
  recreated.set('t-1', new TopicRecreatedError('A', 'B'))
  const commits = listener.held.map(({ tenure }) => tenure.commit(5n, ''))
  const outcomes = await Promise.allSettled(commits)
  expect(outcomes).toMatchObject([
    { status: 'fulfilled' },
    { reason: expect.any(TopicRecreatedError) },
    { status: 'fulfilled' },
  ])
  expect(sent).toEqual([[1, [0, 2]]])
  expect(membership.isLost).toBe(false)
  await expect(listener.held[1]?.tenure.commit(6n, '')).rejects.toThrow(TopicRecreatedError)
  expect(sent).toHaveLength(1)
})
