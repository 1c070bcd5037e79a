import { beforeEach, describe, expect, it } from 'vitest'
import { CommitMetadataTooLargeError, GroupMember } from '../../../src/sink/kafka/group-member.ts'
import type { ApiCall } from '../../../src/sink/kafka/protocol.ts'
import { TenureLostError } from '../../../src/sink/record-source.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const ME = { memberId: 'm', generationId: 3 }
const never = new AbortController().signal
const commitOf = (partition: number) => ({ topic: 't', partition, offset: 5n, metadata: '' })

/** What the coordinator answers, each time on the same connection. */
let asked: string[]
let codes: Record<'Heartbeat' | 'OffsetCommit' | 'OffsetFetch', (partition: number) => number | 'nothing'>
let onAsked: (api: string) => void
let member: GroupMember
let clock: FakeClock

beforeEach(() => {
  asked = []
  clock = new FakeClock()
  onAsked = () => {}
  codes = { Heartbeat: () => 0, OffsetCommit: () => 0, OffsetFetch: () => 0 }
  const connection = { send: async <R>({ request }: ApiCall<R>) => answer(request.apiName) as R }
  member = new GroupMember({
    cluster: { connectionTo: async () => connection, sendToAny: connection.send },
    clock,
    groupId: 'g',
    sessionTimeoutMs: 6_000,
    rebalanceTimeoutMs: 6_000,
    partitionsOf: async () => new Map(),
  })
})

/** Partitions 0 and 1 of the topic, whatever is asked for. */
function answer(api: string): unknown {
  asked.push(api)
  onAsked(api)
  if (api === 'GroupCoordinator') return { errorCode: 0, coordinator: { nodeId: 1, host: 'kafka', port: 9092 } }
  if (api === 'Heartbeat') return { errorCode: codes.Heartbeat(0) }
  const codeOf = codes[api as 'OffsetCommit']
  const partitions = [0, 1].flatMap((partition) => {
    const errorCode = codeOf(partition)
    return errorCode === 'nothing' ? [] : [{ partition, errorCode, offset: 5n, leaderEpoch: 2, metadata: '' }]
  })
  return { errorCode: 0, responses: [{ topic: 't', partitions }] }
}

describe('a commit', () => {
  it('is sent once the coordinator knows the member and has told offsets, and the next one at once', async () => {
    expect(await member.commit(ME, [commitOf(0), commitOf(1)], never)).toEqual([null, null])
    await member.commit(ME, [commitOf(0)], never)
    expect(asked).toEqual(['GroupCoordinator', 'Heartbeat', 'OffsetFetch', 'OffsetCommit', 'OffsetCommit'])
  })

  it('of which the answer says nothing counts as refused, and only that one', async () => {
    codes.OffsetCommit = (partition) => (partition === 0 ? 'nothing' : 0)
    const [first, second] = await member.commit(ME, [commitOf(0), commitOf(1)], never)
    expect(first).toBeInstanceOf(TenureLostError)
    expect(second).toBeNull()
  })

  it.each([12, 28])('whose metadata are too long (%i) has not ended the tenure', async (code) => {
    codes.OffsetCommit = () => code
    expect(await member.commit(ME, [commitOf(0)], never)).toEqual([expect.any(CommitMetadataTooLargeError)])
  })

  it('asks for offsets again after a refusal of a coordinator that loads its groups, though it is the same broker', async () => {
    codes.OffsetCommit = () => 14
    expect(await member.commit(ME, [commitOf(0)], never)).toEqual([expect.any(TenureLostError)])
    codes.OffsetCommit = () => 0
    asked.length = 0
    await member.commit(ME, [commitOf(0)], never)
    expect(asked).toEqual(['GroupCoordinator', 'OffsetFetch', 'OffsetCommit'])
  })

  it('tells what it waits for when that takes more than a moment: a coordinator that loads its groups answers heartbeats', async () => {
    codes.OffsetFetch = () => 14
    const told: unknown[] = []
    const committed = member.commit(ME, [commitOf(0)], never, (error) => told.push(error))
    await clock.advance(700)
    expect(told).toEqual([])
    await clock.advance(3_000)
    expect(String(told[0])).toContain('the group coordinator is starting (COORDINATOR_LOAD_IN_PROGRESS)')
    codes.OffsetFetch = () => 0
    await clock.advance(3_000)
    expect(await committed).toEqual([null])
  })

  it('is not sent when its tenure ends while the coordinator is asked', async () => {
    const ended = new AbortController()
    onAsked = (api) => {
      if (api === 'OffsetFetch') ended.abort()
    }
    await expect(member.commit(ME, [commitOf(0)], ended.signal)).rejects.toThrow(TenureLostError)
    expect(asked).not.toContain('OffsetCommit')
  })
})

describe('committed offsets', () => {
  const partitions = (...partitions: number[]) => [{ topic: 't', partitions }]

  it('are told without those of others that we may not describe any more', async () => {
    codes.OffsetFetch = (partition) => (partition === 1 ? 29 : 0)
    const found = await member.committedOffsets(partitions(0), partitions(1))
    expect([...found]).toEqual([['t-0', { offset: 5n, leaderEpoch: 2, metadata: '' }]])
  })

  it('are not told at all where one that is needed may not be described, or one of others cannot be told yet', async () => {
    codes.OffsetFetch = (partition) => (partition === 1 ? 29 : 0)
    await expect(member.committedOffsets(partitions(0, 1))).rejects.toThrow('t-1: not authorized to read the topic')
    codes.OffsetFetch = (partition) => (partition === 1 ? 88 : 0)
    await expect(member.committedOffsets(partitions(0), partitions(1))).rejects.toThrow('UNSTABLE_OFFSET_COMMIT')
  })
})
