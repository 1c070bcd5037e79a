import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { KafkaCluster } from '../../src/sink/kafka/cluster.ts'
import { CommitMetadataTooLargeError, GroupMember } from '../../src/sink/kafka/group-member.ts'
import { TenureLostError } from '../../src/sink/record-source.ts'
import { RecordingListener } from '../support/recording-listener.ts'
import {
  admin,
  bootstrapServers,
  createTopic,
  member,
  names,
  newGroup,
  numbers,
  onKafka,
  produce,
  within,
} from './kafka-source/members.ts'

onKafka()

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
