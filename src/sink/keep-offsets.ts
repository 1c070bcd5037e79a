import type { Clock } from '../lib/clock.ts'
import { partitionsOf } from './kafka/assignment.ts'
import { COMMITS_PER_REQUEST } from './kafka/commit-queue.ts'
import type { GroupCluster } from './kafka/coordinator.ts'
import type { GroupAdmin, GroupOffset } from './kafka/group-admin.ts'
import { GroupMember } from './kafka/group-member.ts'
import type { PartitionCommit } from './kafka/offset-calls.ts'

export interface KeepOffsetsParts {
  readonly admin: Pick<GroupAdmin, 'groupId' | 'isActive' | 'offsets'>
  readonly cluster: GroupCluster
  readonly clock: Clock
  /** Gives up. */
  readonly ended: AbortSignal
}

/** What became of the offsets. `active`: the group has members, which keep them. `none`: there are none. */
export type Kept = { readonly kind: 'kept'; readonly partitions: number } | { readonly kind: 'active' | 'none' }

/** The least that brokers take by default (group.min.session.timeout.ms): should we die, the group waits no longer than this. */
const SESSION_TIMEOUT_MS = 6_000
const REBALANCE_TIMEOUT_MS = 10_000

/**
 * Makes Kafka remember the offsets of a group without members for another `offsets.retention.minutes`: joins as a member, commits what is
 * committed already, metadata and leader epoch included, and leaves. A commit from outside, which Kafka takes for an empty group too, is not
 * enough: brokers of 2.1 to 3.x count from the moment at which the last member left, whatever is committed afterwards
 * (KIP-211; GroupMetadata.removeExpiredOffsets). Nor could it be refused if a sink had been there meanwhile.
 *
 * Should a sink join meanwhile, each commits only what its generation assigns to it, and reads it after that assignment: what is
 * true of two sinks is true of a sink and of this (docs/delivery.md). We subscribe to every topic that has an offset, as Kafka
 * may forget those that the members of a group do not subscribe to.
 *
 * One attempt. @throws KafkaError, KafkaConnectionError or TenureLostError: trying again is always right
 */
export async function keepOffsets({ admin, cluster, clock, ended }: KeepOffsetsParts): Promise<Kept> {
  if (await admin.isActive()) return { kind: 'active' }
  const offsets = await admin.offsets()
  if (offsets.length === 0) return { kind: 'none' }
  const member = new GroupMember({
    cluster,
    clock,
    groupId: admin.groupId,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    partitionsOf: async () => new Map(partitionsOf(offsets).map(({ topic, partitions }) => [topic, partitions])),
  })
  try {
    return await commitAgain(member, offsets, ended)
  } finally {
    await member.leave()
  }
}

async function commitAgain(member: GroupMember, offsets: readonly GroupOffset[], ended: AbortSignal): Promise<Kept> {
  const topics = [...new Set(offsets.map(({ topic }) => topic))].sort()
  const generation = await member.join(topics, [], -1)
  const committed = await member.committedOffsets(generation.assigned)
  const commits = generation.assigned.flatMap(({ topic, partitions }) =>
    partitions.flatMap((partition): PartitionCommit[] => {
      const found = committed.get(`${topic}-${partition}`)
      return found === undefined || found.offset < 0n ? [] : [{ topic, partition, ...found }]
    }),
  )
  // A partition that is refused, such as one of a topic that may not be read any more, costs no other its place.
  let refused: Error | null = null
  for (let i = 0; i < commits.length; i += COMMITS_PER_REQUEST) {
    const errors = await member.commit(generation, commits.slice(i, i + COMMITS_PER_REQUEST), ended)
    refused ??= errors.find((error) => error !== null) ?? null
  }
  if (refused) throw refused
  // What we were not assigned another member has: the group is at work again.
  return commits.length < offsets.length ? { kind: 'active' } : { kind: 'kept', partitions: commits.length }
}
