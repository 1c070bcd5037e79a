import type { Clock } from '../../lib/clock.ts'
import { describeError } from '../../lib/errors.ts'
import { whenAborted } from '../../lib/lifecycle.ts'
import type { Logger } from '../../lib/logger.ts'
import { type RevocationReason, type SourceListener, TenureLostError } from '../record-source.ts'
import { namesOf, partitionsOf, type TopicPartitions } from './assignment.ts'
import { CommitQueue } from './commit-queue.ts'
import { committedOffsets } from './committed-offsets.ts'
import type { Generation, GroupMember } from './group-member.ts'
import { keepAlive } from './heartbeats.ts'
import { HeldPartition } from './held-partition.ts'
import { problemLine, reasonOf } from './kafka-error.ts'
import { UNKNOWN_EPOCH } from './leader-epochs.ts'
import type { Newcomers } from './newcomers.ts'
import type { FoundOffset, PartitionCommit } from './offset-calls.ts'
import type { Problems } from './problems.ts'
import { concernOf, type Reading } from './reading.ts'
import type { TopicIds } from './topic-ids.ts'

/** Reads the partitions of one membership. */
export type PartitionReading = Pick<Reading, 'begin' | 'failed' | 'lag' | 'readable' | 'regroup' | 'close'>

export interface MembershipOptions {
  readonly member: Pick<GroupMember, 'committedOffsets' | 'commit' | 'heartbeat'>
  readonly reading: PartitionReading
  readonly clusterId: string
  readonly topicIds: Pick<TopicIds, 'recreated'>
  /** As of the last metadata. */
  readonly topicIdOf: (topic: string) => string | undefined
  readonly newcomers: Pick<Newcomers, 'has'>
  readonly clock: Clock
  readonly logger: Logger
  readonly problems: Problems
  readonly listener: SourceListener
  readonly heartbeatIntervalMs: number
  /** Longest time for handlers to finish when their partitions go to others. */
  readonly revocationMs: number
}

/** How a generation ends. `rebalance`: join again, holding what is held. `lost`: every tenure has ended. */
export type GenerationEnd = 'rebalance' | 'lost'

/**
 * What one member id holds, from generation to generation, until it leaves or is expelled. A partition that the next
 * generation assigns to us again stays as it is, reading and buffers included: nobody else can have had it in between
 * (docs/decisions/0008), and the coordinator's offset and metadata must say so too. One that is assigned to us no more
 * is finished and committed first, and then the group is joined again, so that it can be given to another.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #held = new Map<string, HeldPartition>()
  readonly #commits: CommitQueue
  /** Aborted when nothing may be committed any more. */
  readonly #over = new AbortController()
  #generation: Generation | null = null
  #generationOver = new AbortController()
  /** Aborts when it is too late to begin with the generation's partitions. */
  #adoptionOver = new AbortController()
  #ended = Promise.withResolvers<GenerationEnd>()
  /** Settles when the generation's assignment was dealt with: verified, given up, begun. */
  #adopting: Promise<void> = Promise.resolve()
  #revoking: Promise<unknown> = Promise.resolve()
  #isVerified = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#commits = new CommitQueue((commits) => this.#send(commits).finally(() => options.problems.clear('commit')))
  }

  get isLost(): boolean {
    return this.#over.signal.aborted
  }

  /** The generation of what is held; -1 before the first. */
  get generationId(): number {
    return this.#generation?.generationId ?? -1
  }

  /** Aborts when the generation is over. */
  get generationOver(): AbortSignal {
    return this.#generationOver.signal
  }

  get generationEnd(): Promise<GenerationEnd> {
    return this.#ended.promise
  }

  held(): TopicPartitions[] {
    const tenures = [...this.#held.values()].filter(({ hasEnded }) => !hasEnded).map(({ tenure }) => tenure)
    return partitionsOf(tenures)
  }

  lag(): number | null {
    return this.#options.reading.lag()
  }

  readable(): number | null {
    return this.#options.reading.readable()
  }

  regroup(): void {
    this.#options.reading.regroup()
  }

  /** The topics or partitions to be read have changed, or partitions were given up: asks for a rebalance. */
  rejoin(): void {
    this.#ended.resolve('rebalance')
  }

  /** To be called before joining again: lets what is being given up finish, and commits under way be answered. */
  async pause(): Promise<void> {
    this.#adoptionOver.abort()
    await this.#revoking
    await this.#commits.suspend()
    this.#generationOver.abort()
  }

  /** Takes what the group gave us. Does not wait for handlers. */
  adopt(generation: Generation): void {
    this.#generation = generation
    this.#generationOver = new AbortController()
    this.#adoptionOver = new AbortController()
    this.#ended = Promise.withResolvers()
    this.#isVerified = false
    if (this.isLost) {
      this.#ended.resolve('lost')
      return
    }
    void this.#keepAlive(generation)
    this.#adopting = this.#adopt(generation)
  }

  /** Gives everything up, and commits what handlers have to commit, until `deadline` aborts. */
  async end(deadline: AbortSignal): Promise<void> {
    await Promise.race([this.#adopting, whenAborted(deadline)])
    if (!this.#isVerified) this.lose(new TenureLostError('no time was left to finish'))
    // If joining again has failed, what is committed now is of the generation before; the coordinator takes it or refuses it.
    this.#commits.resume()
    await this.#revoke([...this.#held.values()], 'shutdown', deadline)
    this.#finish()
  }

  /** Every tenure ends at once. */
  lose(error: unknown): void {
    if (this.isLost) return
    if (this.#held.size > 0)
      this.#options.logger.warn(
        { error: describeError(error) },
        'consumer group membership lost: unfinished work starts again',
      )
    this.#finish()
    for (const held of this.#held.values()) held.lose()
    this.#ended.resolve('lost')
  }

  #finish(): void {
    this.#over.abort()
    this.#adoptionOver.abort()
    this.#generationOver.abort()
    this.#options.reading.close()
    this.#options.problems.clearAll('partition ')
  }

  #keepAlive(generation: Generation): Promise<void> {
    const { problems } = this.#options
    return keepAlive({
      ...this.#options,
      generation,
      intervalMs: this.#options.heartbeatIntervalMs,
      signal: this.#generationOver.signal,
      onRebalance: () => this.rejoin(),
      onFenced: (error) => this.lose(error),
      onTrouble: (error) =>
        error === null ? problems.clear('heartbeat') : problems.set('heartbeat', problemLine(error)),
    }).finally(() => problems.clear('heartbeat'))
  }

  async #adopt(generation: Generation): Promise<void> {
    const { problems, listener } = this.#options
    for (const [name, held] of this.#held) if (held.hasEnded) this.#held.delete(name)
    const asking = { ...this.#options, signal: this.#adoptionOver.signal }
    const committed = await committedOffsets(asking, generation.assigned, this.held())
    if (!committed) return
    problems.clear('group')
    const assigned = new Set(namesOf(generation.assigned))
    // Others commit the rest now, and would not tell us that they may.
    problems.clearAll('commit ', new Set([...assigned].map((name) => `commit ${name}`)))
    const obsolete = [...this.#held.values()].filter(({ name }) => !assigned.has(name))
    for (const [name, held] of this.#held) {
      const found = committed.get(name)
      if (found === undefined) this.#drop(held, 'its topic may not be used any more: unfinished work is left')
      else if (!held.isUntouched(found)) this.#drop(held, 'somebody else has committed: reading begins again')
    }
    this.#isVerified = true
    this.#commits.resume()
    const added = this.#holdNew(generation, committed)
    listener.settled(assigned.size)
    for (const held of added) void held.begin(listener)
    if (obsolete.length === 0) return
    await this.#revoke(obsolete, 'rebalance', AbortSignal.any([this.#tooLate(), this.#over.signal]))
    this.rejoin()
  }

  #holdNew({ assigned }: Generation, committed: ReadonlyMap<string, FoundOffset>): HeldPartition[] {
    const added: HeldPartition[] = []
    for (const { topic, partitions } of assigned)
      for (const partition of partitions) {
        const name = `${topic}-${partition}`
        if (this.#held.has(name)) continue
        const held = this.#hold(topic, partition, offsetOf(committed, name))
        this.#held.set(name, held)
        added.push(held)
      }
    return added
  }

  /** What we have buffered does not continue what is committed, or cannot be committed. Whoever may read it begins again from there. */
  #drop(held: HeldPartition, why: string): void {
    this.#options.logger.warn({ partition: held.name }, why)
    held.lose()
    this.#held.delete(held.name)
    this.#options.problems.clear(concernOf(held.tenure))
  }

  #tooLate(): AbortSignal {
    const tooLate = new AbortController()
    const cancel = this.#options.clock.after(this.#options.revocationMs, () => tooLate.abort())
    this.#over.signal.addEventListener('abort', cancel, { once: true })
    return tooLate.signal
  }

  #revoke(partitions: readonly HeldPartition[], reason: RevocationReason, deadline: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.any([deadline, this.#over.signal])
    this.#revoking = Promise.all(
      partitions.map(async (held) => {
        await held.revoke(reason, limit)
        this.#options.problems.clear(concernOf(held.tenure))
      }),
    )
    return this.#revoking
  }

  #hold(topic: string, partition: number, committed: FoundOffset): HeldPartition {
    const topicId = this.#options.topicIdOf(topic)
    return new HeldPartition({
      topic,
      partition,
      committed,
      clusterId: this.#options.clusterId,
      topicId,
      isNewcomer: this.#options.newcomers.has(topic, partition),
      commit: (found, ended) => this.#commits.commit({ topic, partition, topicId, ...found }, ended),
      read: (...reading) => this.#options.reading.begin(...reading),
      onFailed: (tenure, error) => this.#options.reading.failed(tenure, error),
    })
  }

  /** After a refused commit, or one of unknown outcome, nothing is certain under this member id: all tenures end. */
  async #send(commits: readonly PartitionCommit[]): Promise<(Error | null)[]> {
    const { member, topicIds, problems } = this.#options
    // Nobody else may notice: heartbeats and fetches can be answered all the same.
    const onTrouble = (error: unknown) => problems.set('commit', problemLine(error))
    const recreated = await topicIds.recreated(commits, this.#over.signal, onTrouble)
    if (recreated.size > 0) {
      const rest = commits.filter((commit) => !recreated.has(nameOf(commit)))
      const errors = rest.length === 0 ? [] : await this.#send(rest)
      return commits.map((commit) => recreated.get(nameOf(commit)) ?? errors[rest.indexOf(commit)] ?? null)
    }
    if (!this.#generation) throw new TenureLostError('not a member of the group')
    try {
      const errors = await member.commit(this.#generation, commits, this.#over.signal, onTrouble)
      commits.forEach((commit, i) => {
        this.#answered(commit, errors[i] ?? null)
      })
      return errors
    } catch (error) {
      this.lose(error)
      throw error
    }
  }

  /** Whether the group may be used is told, and taken back, by joining it. */
  #answered(commit: PartitionCommit, error: Error | null): void {
    const { problems } = this.#options
    const concern = `commit ${nameOf(commit)}`
    if (error === null) problems.clear(concern)
    else if (reasonOf(error.cause) === 'TOPIC_AUTHORIZATION_FAILED') problems.set(concern, problemLine(error))
    if (error instanceof TenureLostError) this.lose(error)
  }
}

function offsetOf(committed: ReadonlyMap<string, FoundOffset>, name: string): FoundOffset {
  return committed.get(name) ?? { offset: -1n, leaderEpoch: UNKNOWN_EPOCH, metadata: '' }
}

function nameOf({ topic, partition }: PartitionCommit): string {
  return `${topic}-${partition}`
}
