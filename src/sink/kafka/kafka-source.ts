import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { RecordSource, SourceListener } from '../record-source.ts'
import { whyMissing } from './access-check.ts'
import { type ClusterMetadata, existingTopics, KafkaCluster } from './cluster.ts'
import type { ConnectionSecurity } from './connection-security.ts'
import type { GroupCluster } from './coordinator.ts'
import { type Generation, GroupMember } from './group-member.ts'
import { isFenced, isOutpaced, isPassing, PASSING_FAILURES, problemLine } from './kafka-error.ts'
import { Membership, type PartitionReading } from './membership.ts'
import { Newcomers } from './newcomers.ts'
import { Problems } from './problems.ts'
import { Reading } from './reading.ts'
import { TopicIds } from './topic-ids.ts'
import { explicitTopics, selectTopics, type TopicRule } from './topics.ts'

export interface KafkaSourceOptions {
  readonly config: { readonly bootstrapServers: readonly string[]; readonly groupId: string }
  /** Asked at every metadata refresh: a rule that has changed leads to a rebalance. */
  readonly topics: () => TopicRule
  readonly clientId: string
  readonly security?: ConnectionSecurity
  readonly logger: Logger
  readonly clock: Clock
  /** Most bytes that are fetched and not yet handled, as they come from Kafka. */
  readonly maxBufferedBytes?: number
  readonly timings?: Partial<KafkaTimings>
}

/** Milliseconds. */
export interface KafkaTimings {
  /** A member that died without leaving is missed after this. */
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** So long may members finish their work when the group rebalances. */
  readonly rebalanceTimeoutMs: number
  /** New topics and partitions are found within this. */
  readonly metadataRefreshMs: number
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
}

const TIMINGS: KafkaTimings = {
  sessionTimeoutMs: 15_000,
  heartbeatIntervalMs: 1_500,
  rebalanceTimeoutMs: 60_000,
  metadataRefreshMs: 30_000,
  requestTimeoutMs: 10_000,
  connectTimeoutMs: 5_000,
}
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024
const BACKOFF = { initialMs: 250, maxMs: 5_000 }
/**
 * A member that the group has outpaced joins again nearly at once: others were faster through no fault of Kafka's, and one that waits longer
 * than a session is outpaced again, for ever where several do. As Kafka's AbstractCoordinator.joinGroupIfNeeded.
 */
const OUTPACED_BACKOFF = { initialMs: 100, maxMs: 100 }
/** Of the rebalance timeout, kept for noticing the rebalance late and for joining again. */
const REBALANCE_MARGIN = 0.1

/**
 * A member of the consumer group, reading the topics of the rule. Goes on for ever whatever Kafka does: what is wrong is
 * told to the listener.
 *
 * @throws Error when a bootstrap server is not `host:port`
 */
export function createKafkaSource(options: KafkaSourceOptions): RecordSource {
  const cluster = new KafkaCluster(options.config.bootstrapServers, { ...TIMINGS, ...options.timings, ...options })
  const maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES
  const readingFor = (problems: Problems) => new Reading({ ...options, cluster, problems, maxBufferedBytes })
  return new KafkaSource(options, { cluster, readingFor })
}

/** What a source reaches Kafka by. */
export interface KafkaAccess {
  readonly cluster: GroupCluster & Pick<KafkaCluster, 'metadata' | 'refresh' | 'askLeader' | 'onMetadata' | 'close'>
  /** For one membership, which closes it. */
  readonly readingFor: (problems: Problems) => PartitionReading
}

export class KafkaSource implements RecordSource {
  readonly #options: KafkaSourceOptions
  readonly #timings: KafkaTimings
  readonly #cluster: KafkaAccess['cluster']
  readonly #readingFor: KafkaAccess['readingFor']
  readonly #member: GroupMember
  readonly #newcomers = new Newcomers()
  readonly #stopping = new AbortController()
  /** The deadline of `stop` has passed. */
  readonly #overdue = new AbortController()
  #running: Promise<void> | null = null
  #membership: Membership | null = null
  #lastIdentity = ''
  #topicPartitions: number | null = null

  constructor(options: KafkaSourceOptions, { cluster, readingFor }: KafkaAccess) {
    this.#options = options
    this.#timings = { ...TIMINGS, ...options.timings }
    this.#cluster = cluster
    this.#readingFor = readingFor
    this.#member = new GroupMember({
      ...this.#timings,
      cluster,
      clock: options.clock,
      groupId: options.config.groupId,
      partitionsOf: (topics) => this.#partitionsOf(topics),
    })
  }

  async run(listener: SourceListener): Promise<void> {
    if (this.#running) throw new Error('a source runs once')
    this.#running = this.#run(listener)
    await this.#running
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const overdue = () => this.#overdue.abort()
    if (deadline.aborted) overdue()
    deadline.addEventListener('abort', overdue, { once: true })
    this.#stopping.abort()
    await this.#unlessOverdue(this.#running ?? Promise.resolve())
    this.#cluster.close()
  }

  lag(): number | null {
    return this.#membership?.lag() ?? null
  }

  readable(): number | null {
    return this.#membership?.readable() ?? null
  }

  topicPartitions(): number | null {
    return this.#topicPartitions
  }

  async #run(listener: SourceListener): Promise<void> {
    const { clock } = this.#options
    const problems = new Problems((line) => listener.problem(line))
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      const joinedAt = clock.elapsed()
      let backoff = BACKOFF
      try {
        await this.#oneGeneration(listener, problems)
        const lastedMs = clock.elapsed() - joinedAt
        failures = this.#membership?.isLost && lastedMs < this.#timings.sessionTimeoutMs ? failures + 1 : 0
      } catch (error) {
        if (isFenced(error)) this.#membership?.lose(error)
        failures++
        if (isOutpaced(error)) backoff = OUTPACED_BACKOFF
        if (failures > (isPassing(error) ? PASSING_FAILURES : 0)) problems.set('group', problemLine(error))
      }
      await this.#leaveIfLost()
      if (failures > 0) await sleep(clock, backoffMs(failures - 1, backoff), this.#stopping.signal)
    }
    await this.#membership?.end(this.#overdue.signal)
    await this.#unlessOverdue(this.#member.leave())
    this.#cluster.close()
  }

  /** Joins, with what is held, and reads until the generation is over. */
  async #oneGeneration(listener: SourceListener, problems: Problems): Promise<void> {
    const metadata = await this.#unlessStopping(this.#cluster.refresh(this.#interest()))
    if (!metadata) return
    const topics = this.#select(metadata, problems)
    this.#membership ??= this.#newMembership(listener, problems)
    const membership = this.#membership
    await membership.pause()
    if (membership.isLost) return
    const held = membership.held()
    const joining = this.#member.join(topics, held, membership.generationId)
    // What is held can be finished only as a member of the new generation.
    const generation = await (held.length > 0 ? this.#unlessOverdue(joining) : this.#unlessStopping(joining))
    if (!generation) return
    if (!this.#isNew(generation)) return membership.lose(new Error('the coordinator gives the same generation again'))
    const { generationId, memberId, assigned } = generation
    this.#options.logger.info({ generation: generationId, memberId, assigned }, 'joined the consumer group')
    this.#cluster.onMetadata((metadata) => this.#follow(membership, generation, topics, metadata, problems))
    membership.adopt(generation)
    void this.#watchMetadata(membership.generationOver)
    await this.#unlessStopping(membership.generationEnd)
    this.#cluster.onMetadata(() => membership.regroup())
  }

  #newMembership(listener: SourceListener, problems: Problems): Membership {
    const { rebalanceTimeoutMs, heartbeatIntervalMs } = this.#timings
    return new Membership({
      ...this.#options,
      member: this.#member,
      reading: this.#readingFor(problems),
      clusterId: this.#cluster.metadata?.clusterId ?? '',
      topicIds: new TopicIds({ cluster: this.#cluster, clock: this.#options.clock }),
      newcomers: this.#newcomers,
      topicIdOf: (topic) => this.#cluster.metadata?.topics.get(topic)?.id,
      listener,
      problems,
      heartbeatIntervalMs,
      revocationMs: rebalanceTimeoutMs * (1 - REBALANCE_MARGIN) - heartbeatIntervalMs,
    })
  }

  /** A member id under which something was lost is given up for ever. */
  async #leaveIfLost(): Promise<void> {
    if (!this.#membership?.isLost) return
    this.#membership = null
    this.#cluster.onMetadata(() => {})
    await this.#unlessOverdue(this.#member.leave())
  }

  /** A (member id, generation) whose tenures have ended must not get others: its late commits would be accepted. */
  #isNew({ memberId, generationId }: Generation): boolean {
    const identity = `${memberId} ${generationId}`
    const isNew = identity !== this.#lastIdentity
    this.#lastIdentity = identity
    return isNew
  }

  /** Topics to read the metadata of; empty: all. */
  #interest(): string[] {
    return explicitTopics(this.#options.topics()) ?? []
  }

  #select(metadata: ClusterMetadata, problems: Problems): readonly string[] {
    this.#newcomers.saw(metadata)
    const { topics, missing } = selectTopics(this.#options.topics(), existingTopics(metadata))
    this.#topicPartitions = topics.reduce((sum, name) => sum + (metadata.topics.get(name)?.partitions.length ?? 0), 0)
    problems.clearAll('topic ', new Set(missing.map((topic) => `topic ${topic}`)))
    for (const topic of missing) problems.set(`topic ${topic}`, whyMissing(topic, metadata))
    return topics
  }

  /** For the leader of the group, who assigns topics of others too, and from now on follows them. */
  async #partitionsOf(topics: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const interest = this.#interest()
    const all = interest.length === 0 ? [] : [...new Set([...interest, ...topics])].sort()
    const metadata = await this.#cluster.refresh(all)
    return partitionsIn(metadata, topics)
  }

  #follow(
    membership: Membership,
    { plannedFor }: Generation,
    joinedWith: readonly string[],
    metadata: ClusterMetadata,
    problems: Problems,
  ): void {
    membership.regroup()
    const changedTopics = this.#select(metadata, problems).join() !== joinedWith.join()
    const changedPartitions = [...partitionsIn(metadata, [...plannedFor.keys()])].some(
      ([topic, partitions]) => partitions.join() !== plannedFor.get(topic)?.join(),
    )
    if (changedTopics || changedPartitions) membership.rejoin()
  }

  async #watchMetadata(over: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#options.clock, this.#timings.metadataRefreshMs, over)
      if (over.aborted) return
      // Heartbeats and fetches tell when no broker can be reached.
      await this.#cluster.refresh().catch(() => {})
    }
  }

  async #unlessStopping<T>(work: Promise<T>): Promise<T | null> {
    return unlessAborted(work, this.#stopping.signal)
  }

  async #unlessOverdue<T>(work: Promise<T>): Promise<T | null> {
    return unlessAborted(work, this.#overdue.signal)
  }
}

function partitionsIn({ topics }: ClusterMetadata, names: readonly string[]): Map<string, readonly number[]> {
  return new Map(names.map((name) => [name, topics.get(name)?.partitions ?? []]))
}

/** What the work comes to, or null once `signal` aborts; what it comes to after that is nobody's concern. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const aborted = Promise.withResolvers<null>()
  const onAbort = () => aborted.resolve(null)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
