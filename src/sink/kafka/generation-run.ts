import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import { describeError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import {
  type CommittedOffset,
  type PartitionHandler,
  type RevocationReason,
  type SourceListener,
  type Tenure,
  TenureLostError,
} from '../record-source.ts'
import type { KafkaCluster } from './cluster.ts'
import { FetchLoops } from './fetch-loop.ts'
import type { Generation, GroupMember } from './group-member.ts'
import { keepAlive } from './heartbeats.ts'
import { HeldPartition } from './held-partition.ts'
import { problemLine, reasonOf } from './kafka-error.ts'
import { describeOutOfRange, endOfLog } from './log-range.ts'
import { PartitionReader } from './partition-reader.ts'
import type { Problems } from './problems.ts'

export interface GenerationRunOptions {
  readonly cluster: KafkaCluster
  readonly member: GroupMember
  readonly generation: Generation
  readonly listener: SourceListener
  readonly problems: Problems
  readonly clock: Clock
  readonly logger: Logger
  readonly heartbeatIntervalMs: number
  readonly maxBufferedBytes: number
}

/**
 * One generation of the group as this member lives it: from its assignment until it is over, which is a promise, and
 * then the giving up of its partitions.
 */
export class GenerationRun {
  /** `rebalance`: commits are still accepted, so handlers may finish. `lost`: every tenure has ended. */
  readonly over: Promise<'rebalance' | 'lost'>
  readonly #options: GenerationRunOptions
  readonly #held: HeldPartition[] = []
  readonly #loops: FetchLoops
  /** Aborted when nothing may be committed any more. */
  readonly #finished = new AbortController()
  #givingUp = false
  #lost = false
  readonly #end: (how: 'rebalance' | 'lost') => void

  constructor(options: GenerationRunOptions) {
    const { promise, resolve } = Promise.withResolvers<'rebalance' | 'lost'>()
    this.over = promise
    this.#end = resolve
    this.#options = options
    this.#loops = new FetchLoops({ ...options, onOutOfRange: (reader) => void this.#outOfRange(reader) })
  }

  /** Aborts when the generation was lost or given up. */
  get finished(): AbortSignal {
    return this.#finished.signal
  }

  /** The member id must not be used again. */
  get lost(): boolean {
    return this.#lost
  }

  /** Starts heartbeats, reads the committed offsets, hands out the tenures. Does not wait for the handlers. */
  async start(): Promise<void> {
    const { listener, problems } = this.#options
    void this.#keepAlive()
    const committed = await this.#committedOffsets()
    if (!committed || this.#givingUp || this.finished.aborted) return
    problems.clear('group')
    for (const { topic, partitions } of this.#options.generation.assigned)
      for (const partition of partitions)
        this.#held.push(this.#hold(topic, partition, committed.get(`${topic}-${partition}`)))
    listener.settled(this.#held.length)
    for (const held of this.#held) void held.begin(listener)
  }

  /** Asks for a rebalance: the topics or partitions to be read have changed. */
  rejoin(): void {
    this.#end('rebalance')
  }

  /** Leaders may have moved. */
  regroup(): void {
    this.#loops.regroup()
  }

  lag(): number | null {
    return this.#loops.lag()
  }

  /** Lets every handler finish and commit until `deadline` aborts, or the generation is lost meanwhile. */
  async revoke(reason: RevocationReason, deadline: AbortSignal): Promise<void> {
    this.#givingUp = true
    const limit = AbortSignal.any([deadline, this.finished])
    await Promise.all(this.#held.map((held) => held.revoke(reason, limit)))
    this.#finish()
  }

  #finish(): void {
    this.#finished.abort()
    this.#loops.close()
    this.#options.problems.clearAll('partition ')
  }

  #lose(error: unknown): void {
    if (this.finished.aborted) return
    this.#options.logger.warn(
      { error: describeError(error) },
      'consumer group membership lost: unfinished work starts again',
    )
    this.#lost = true
    this.#finish()
    for (const held of this.#held) held.lose()
    this.#end('lost')
  }

  #keepAlive(): Promise<void> {
    const { problems } = this.#options
    return keepAlive({
      ...this.#options,
      intervalMs: this.#options.heartbeatIntervalMs,
      signal: this.finished,
      onRebalance: () => this.#end('rebalance'),
      onFenced: (error) => this.#lose(error),
      onTrouble: (error) =>
        error === null ? problems.clear('heartbeat') : problems.set('heartbeat', problemLine(error)),
    }).finally(() => problems.clear('heartbeat'))
  }

  async #committedOffsets(): Promise<Map<string, CommittedOffset> | null> {
    const { member, generation, clock, problems } = this.#options
    for (let attempt = 0; !this.finished.aborted; attempt++) {
      try {
        return await member.committedOffsets(generation.assigned)
      } catch (error) {
        if (attempt > 0) problems.set('group', problemLine(error))
        await sleep(clock, backoffMs(attempt, { initialMs: 100, maxMs: 3_000 }), this.finished)
      }
    }
    return null
  }

  #hold(topic: string, partition: number, committed: CommittedOffset = { offset: -1n, metadata: '' }): HeldPartition {
    return new HeldPartition({
      topic,
      partition,
      committed,
      clusterId: this.#options.cluster.metadata?.clusterId ?? '',
      commit: (offset, metadata, ended) => this.#commit({ topic, partition, offset, metadata }, ended),
      read: (tenure, handler, givenUp) => this.#read(tenure, handler, givenUp),
      onFailed: (tenure, error) => this.#stopped(tenure, error),
    })
  }

  /** After a refused commit, or one of unknown outcome, nothing is certain under this member id: all tenures end. */
  async #commit(
    commit: { topic: string; partition: number; offset: bigint; metadata: string },
    ended: AbortSignal,
  ): Promise<void> {
    const { member, generation, problems } = this.#options
    try {
      await member.commit(generation, commit, ended)
      problems.clear('commit')
    } catch (error) {
      if (error instanceof TenureLostError && !ended.aborted) {
        if (reasonOf(error.cause)?.endsWith('AUTHORIZATION_FAILED')) problems.set('commit', problemLine(error))
        this.#lose(error)
      }
      throw error
    }
  }

  async #read(tenure: Tenure, handler: PartitionHandler, givenUp: AbortSignal): Promise<void> {
    const { startAt } = handler
    const startOffset = typeof startAt === 'bigint' ? startAt : await endOfLog(startAt, this.#logOf(tenure, givenUp))
    if (startOffset === null || givenUp.aborted) return
    // Told at once, not with the first records: a handler may want to hold on to where an empty or idle log began.
    if (startOffset !== startAt)
      await handler.records({ next: () => null, nextOffset: startOffset, highWatermark: startOffset })
    if (givenUp.aborted) return
    const reader = new PartitionReader({
      ...tenure,
      startOffset,
      handler,
      onFailed: (error) => this.#stopped(tenure, error),
    })
    givenUp.addEventListener('abort', () => reader.stop(), { once: true })
    this.#loops.add(reader)
  }

  #stopped({ topic, partition }: Tenure, error: unknown): void {
    const line = `Kafka ${topic}-${partition} is stopped: ${describeError(error)}`
    this.#options.logger.error({ topic, partition, err: error }, 'partition stopped')
    this.#options.problems.set(`partition ${topic}-${partition}`, line)
  }

  async #outOfRange({ topic, partition, fetchOffset }: PartitionReader): Promise<void> {
    const line = await describeOutOfRange(fetchOffset, this.#logOf({ topic, partition }, this.finished))
    if (line === null) return
    this.#options.logger.error({ topic, partition, offset: `${fetchOffset}` }, line)
    this.#options.problems.set(`partition ${topic}-${partition}`, line)
  }

  #logOf(tenure: Pick<Tenure, 'topic' | 'partition'>, ended: AbortSignal) {
    const { problems } = this.#options
    const concern = `partition ${tenure.topic}-${tenure.partition}`
    return {
      ...this.#options,
      topic: tenure.topic,
      partition: tenure.partition,
      ended,
      onTrouble: (error: unknown) =>
        error === null ? problems.clear(concern) : problems.set(concern, problemLine(error)),
    }
  }
}
