export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** A member of the group and the topics that it wants; members may differ while a new filter is rolled out. */
export interface SubscribedMember {
  readonly memberId: string
  readonly topics: readonly string[]
  /** What it holds, and goes on holding until it is assigned something else. */
  readonly owned: readonly TopicPartitions[]
}

export type Assignment = ReadonlyMap<string, readonly TopicPartitions[]>

/**
 * Gives every partition to one member that subscribes to its topic. Members with equal subscriptions end up within one
 * partition of each other. As many partitions as that allows stay where they are. The result depends on nothing but its
 * arguments, and not on their order.
 *
 * What nobody owns goes to the member that holds least, topics with few possible owners first: what must go to one member is
 * counted before what may go to any. Then, while somebody has two more than another who could take one, one is moved.
 *
 * @param partitionsOf partitions of each topic that exists; topics that are not in it are not assigned
 * @returns an entry for each member, also for one that gets nothing
 */
export function assignPartitions(
  members: readonly SubscribedMember[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): Assignment {
  const loads = members.map((member) => new Load(member)).sort((a, b) => compare(a.memberId, b.memberId))
  const taken = keepOwned(loads, members, partitionsOf)
  for (const { topic, subscribers } of scarcestFirst(loads, partitionsOf)) {
    for (const partition of [...(partitionsOf.get(topic) ?? [])].sort((a, b) => a - b)) {
      if (taken.has(`${topic}-${partition}`)) continue
      subscribers.reduce((least, load) => (load.count < least.count ? load : least)).add(topic, partition)
    }
  }
  while (moveOne(loads));
  return new Map(loads.map((load) => [load.memberId, load.assigned()]))
}

/**
 * The part of an assignment that may be told to members now: a partition that another member still holds goes to nobody
 * until that one, which sees that it is not assigned it any more, has given it up and joined again (cooperative rebalancing, KIP-429).
 */
export function withoutHeldByOthers(assignment: Assignment, members: readonly SubscribedMember[]): Assignment {
  const holders = new Map<string, string[]>()
  for (const { memberId, owned } of members)
    for (const name of namesOf(owned)) holders.set(name, [...(holders.get(name) ?? []), memberId])
  const isFree = (memberId: string, name: string) => (holders.get(name) ?? []).every((holder) => holder === memberId)
  return new Map(
    [...assignment].map(([memberId, assigned]) => [
      memberId,
      assigned
        .map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.filter((partition) => isFree(memberId, `${topic}-${partition}`)),
        }))
        .filter(({ partitions }) => partitions.length > 0),
    ]),
  )
}

/** That any of the members wants; sorted. */
export function topicsOf(members: readonly Pick<SubscribedMember, 'topics'>[]): string[] {
  return [...new Set(members.flatMap(({ topics }) => topics))].sort()
}

/** `<topic>-<partition>` of each. */
export function namesOf(assigned: readonly TopicPartitions[]): string[] {
  return assigned.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`))
}

/** What one member is given while the assignment is made. */
class Load {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly #partitions = new Map<string, number[]>()
  count = 0

  constructor({ memberId, topics }: SubscribedMember) {
    this.memberId = memberId
    this.topics = new Set(topics)
  }

  add(topic: string, partition: number): void {
    const partitions = this.#partitions.get(topic)
    if (partitions) partitions.push(partition)
    else this.#partitions.set(topic, [partition])
    this.count++
  }

  countOf(topic: string): number {
    return this.#partitions.get(topic)?.length ?? 0
  }

  /** Takes away the highest partition of a topic. */
  take(topic: string): number {
    const partitions = this.#partitions.get(topic)?.sort((a, b) => a - b) ?? []
    const partition = partitions.pop()
    if (partition === undefined) throw new Error(`nothing of ${topic} to take`)
    this.count--
    return partition
  }

  assigned(): TopicPartitions[] {
    return [...this.#partitions]
      .filter(([, partitions]) => partitions.length > 0)
      .map(([topic, partitions]) => ({ topic, partitions: partitions.sort((a, b) => a - b) }))
      .sort((a, b) => compare(a.topic, b.topic))
  }
}

/** Of two members that claim the same partition neither is believed. */
function keepOwned(
  loads: readonly Load[],
  members: readonly SubscribedMember[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): Set<string> {
  const claims = new Map<string, number>()
  for (const name of members.flatMap(({ owned }) => [...new Set(namesOf(owned))]))
    claims.set(name, (claims.get(name) ?? 0) + 1)
  const ownedBy = new Map(members.map(({ memberId, owned }) => [memberId, owned]))
  const taken = new Set<string>()
  for (const load of loads)
    for (const { topic, partitions } of ownedBy.get(load.memberId) ?? [])
      for (const partition of partitions) {
        const name = `${topic}-${partition}`
        if (claims.get(name) !== 1 || taken.has(name)) continue
        if (!load.topics.has(topic) || !partitionsOf.get(topic)?.includes(partition)) continue
        taken.add(name)
        load.add(topic, partition)
      }
  return taken
}

/** From the fullest to the emptiest of those between whom a partition can move; false when nobody gains by it. */
function moveOne(loads: readonly Load[]): boolean {
  const emptiestFirst = [...loads].sort((a, b) => a.count - b.count || compare(a.memberId, b.memberId))
  for (const receiver of emptiestFirst) {
    for (const giver of [...emptiestFirst].reverse()) {
      if (giver.count < receiver.count + 2) break
      const topic = movableTopic(giver, receiver)
      if (topic === null) continue
      receiver.add(topic, giver.take(topic))
      return true
    }
  }
  return false
}

/** The topic of which the giver has most before the receiver, so that each topic is spread too. Asked for each move, and there may be thousands of both. */
function movableTopic(giver: Load, receiver: Load): string | null {
  let best: string | null = null
  let most = 0
  for (const topic of receiver.topics) {
    const count = giver.countOf(topic)
    if (count === 0) continue
    const surplus = count - receiver.countOf(topic)
    if (best !== null && (surplus < most || (surplus === most && topic > best))) continue
    best = topic
    most = surplus
  }
  return best
}

function scarcestFirst(
  loads: readonly Load[],
  partitionsOf: ReadonlyMap<string, readonly number[]>,
): { topic: string; subscribers: Load[] }[] {
  return [...partitionsOf.keys()]
    .map((topic) => ({ topic, subscribers: loads.filter(({ topics }) => topics.has(topic)) }))
    .filter(({ subscribers }) => subscribers.length > 0)
    .sort((a, b) => a.subscribers.length - b.subscribers.length || compare(a.topic, b.topic))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The reverse of `namesOf`, from single partitions: one entry a topic. */
export function partitionsOf(
  each: readonly { readonly topic: string; readonly partition: number }[],
): TopicPartitions[] {
  return [...Map.groupBy(each, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    partitions: of.map(({ partition }) => partition),
  }))
}

/** One entry a topic, each partition once. */
export function merged(partitions: readonly TopicPartitions[]): TopicPartitions[] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    partitions: [...new Set(of.flatMap(({ partitions }) => partitions))],
  }))
}
