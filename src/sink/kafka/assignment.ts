export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** A member of the group and the topics that it wants; members may differ while a new filter is rolled out. */
export interface SubscribedMember {
  readonly memberId: string
  readonly topics: readonly string[]
}

/**
 * Gives every partition to one member that subscribes to its topic. Members with equal subscriptions end up within one
 * partition of each other. The result depends on nothing but its arguments, and not on their order.
 *
 * Partitions with few possible owners are given out first, each to the member that holds least so far (of these, to the one
 * first by member id): what must go to one member is counted before what may go to any.
 *
 * @param partitionsOf partitions of each topic that exists; topics that are not in it are not assigned
 * @returns an entry for each member, also for one that gets nothing
 */
export function assignPartitions(
  members: readonly SubscribedMember[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): Map<string, TopicPartitions[]> {
  const loads = members
    .map(({ memberId, topics }) => ({
      memberId,
      topics: new Set(topics),
      count: 0,
      owned: new Map<string, number[]>(),
    }))
    .sort((a, b) => compare(a.memberId, b.memberId))
  for (const { topic, subscribers } of scarcestFirst(loads, partitionsOf)) {
    for (const partition of [...(partitionsOf.get(topic) ?? [])].sort((a, b) => a - b)) {
      const owner = subscribers.reduce((least, member) => (member.count < least.count ? member : least))
      owner.count++
      const owned = owner.owned.get(topic)
      if (owned) owned.push(partition)
      else owner.owned.set(topic, [partition])
    }
  }
  return new Map(
    loads.map(({ memberId, owned }) => [memberId, [...owned].map(([topic, partitions]) => ({ topic, partitions }))]),
  )
}

function scarcestFirst<Member extends { topics: ReadonlySet<string> }>(
  members: readonly Member[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): { topic: string; subscribers: Member[] }[] {
  return [...partitionsOf.keys()]
    .map((topic) => ({ topic, subscribers: members.filter(({ topics }) => topics.has(topic)) }))
    .filter(({ subscribers }) => subscribers.length > 0)
    .sort((a, b) => a.subscribers.length - b.subscribers.length || compare(a.topic, b.topic))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
