import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import { describeError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import { type PartitionHandler, PartitionStoppedError, type Tenure } from '../record-source.ts'
import { unreadable } from '../stop-reasons.ts'
import type { KafkaCluster } from './cluster.ts'
import { FetchLoops } from './fetch-loop.ts'
import { problemLine } from './kafka-error.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { endOfEpoch, logBefore, logRange, placeToBegin } from './log-range.ts'
import { PartitionReader } from './partition-reader.ts'
import type { Problems } from './problems.ts'
import type { UnreadableBatchError } from './record-batch.ts'

export interface ReadingOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly logger: Logger
  readonly problems: Problems
  readonly maxBufferedBytes: number
}

/** A partition that is read, and for whom. */
interface PartitionRead {
  readonly tenure: Tenure
  readonly handler: PartitionHandler
  readonly givenUp: AbortSignal
  readonly epochs: LeaderEpochs
  /** The one that reads it now, or did last. */
  reader: PartitionReader | null
}

/** A new leader may answer so for a moment, and tiered storage as long as it does not find a segment. */
const OUT_OF_RANGE_BACKOFF = { initialMs: 200, maxMs: 5_000 }

/** Reads the partitions of one membership: from where their handlers want to begin, until each is given up. */
export class Reading {
  readonly #options: ReadingOptions
  readonly #loops: FetchLoops
  readonly #closed = new AbortController()

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#loops = new FetchLoops(options)
  }

  /** Null until every partition was fetched once. */
  lag(): number | null {
    return this.#loops.lag()
  }

  /** Null as `lag`. */
  readable(): number | null {
    return this.#loops.readable()
  }

  /** Leaders may have moved. */
  regroup(): void {
    this.#loops.regroup()
  }

  async begin(tenure: Tenure, handler: PartitionHandler, givenUp: AbortSignal, epochs: LeaderEpochs): Promise<void> {
    const { startAt, promisedTo = null } = handler
    if (promisedTo !== null) {
      // What the log has lost of it would be waited for as if it were still to come.
      const log = await logBefore(promisedTo, this.#logOf(tenure, givenUp))
      if (log !== null) return void (await handler.outOfRange(promisedTo, log))
    }
    const startOffset =
      typeof startAt === 'bigint' ? startAt : await placeToBegin(startAt, this.#logOf(tenure, givenUp))
    if (startOffset === null || givenUp.aborted) return
    // Told at once, not with the first records: a handler may want to hold on to where an empty or idle log began.
    if (startOffset !== startAt)
      await handler.records({ next: () => null, nextOffset: startOffset, highWatermark: startOffset })
    if (startOffset !== tenure.committed.offset) epochs.skipFrom(startOffset - 1n)
    const read: PartitionRead = { tenure, handler, givenUp, epochs, reader: null }
    givenUp.addEventListener('abort', () => read.reader && this.#loops.remove(read.reader), { once: true })
    this.#readFrom(startOffset, read)
  }

  /** @param failures in a row to read at that very offset */
  #readFrom(startOffset: bigint, read: PartitionRead, failures = 0): void {
    const { tenure, handler, givenUp, epochs } = read
    if (givenUp.aborted) return
    const reader = new PartitionReader({
      ...tenure,
      startOffset,
      handler,
      epochs,
      endOfEpoch: (last, next, from) => endOfEpoch(last, next, from, this.#logOf(tenure, givenUp)),
      onFailed: (error) => this.failed(tenure, error),
      onUnreadable: (error) => this.#unreadable(tenure, error),
      onOutOfRange: (position) => void this.#outOfRange(position, read),
      onTruncated: (position, keptTo) => void this.#truncated(position, keptTo, read),
    })
    reader.failures = failures
    read.reader = reader
    this.#loops.add(reader)
  }

  /** The handler decides where to go on, unless it was a leader that had not caught up. */
  async #outOfRange(position: bigint, read: PartitionRead): Promise<void> {
    const { tenure, handler, givenUp, epochs } = read
    const failures = read.reader?.failures ?? 0
    try {
      await sleep(this.#options.clock, backoffMs(failures - 1, OUT_OF_RANGE_BACKOFF), givenUp)
      const log = await logRange(this.#logOf(tenure, givenUp))
      if (log === null || givenUp.aborted) return
      if (position > log.endOffset) {
        const keptTo = await this.#keptTo(position, read)
        if (givenUp.aborted) return
        if (keptTo !== null && keptTo < position) return await this.#truncated(position, keptTo, read)
      }
      if (position < log.startOffset) epochs.skipFrom(position)
      if (log.startOffset <= position && position <= log.endOffset) return this.#readFrom(position, read, failures)
      const next = await handler.outOfRange(position, log)
      if (next !== null) this.#readFrom(next, read)
    } catch (error) {
      this.failed(tenure, error)
    }
  }

  /** How far a log that ends before the position is the one that was read; null where it may be another topic's of the same name. */
  async #keptTo(position: bigint, { tenure, givenUp, epochs }: PartitionRead): Promise<bigint | null> {
    const { topic, partition, topicId } = tenure
    const last = epochs.lastBefore(position)
    if (last === null || topicId === undefined) return null
    const metadata = await this.#options.cluster.askLeader(topic, partition).catch(() => null)
    const isSame = metadata?.topics.get(topic)?.id === topicId
    return isSame ? endOfEpoch(last, last.epoch, position, this.#logOf(tenure, givenUp)) : null
  }

  async #truncated(position: bigint, keptTo: bigint, read: PartitionRead): Promise<void> {
    try {
      const next = await read.handler.truncated(position, keptTo)
      if (next !== null) this.#readFrom(next, read)
    } catch (error) {
      this.failed(read.tenure, error)
    }
  }

  /** The partition is not read any further: going on could lose records. */
  failed({ topic, partition }: Pick<Tenure, 'topic' | 'partition'>, error: unknown): void {
    // Its handler has told why.
    if (error instanceof PartitionStoppedError) return
    this.#options.logger.error({ topic, partition, err: error }, 'partition stopped')
    this.#stopped({ topic, partition }, describeError(error))
  }

  /** The partition waits at a batch, which is read again. Null: it goes on. */
  #unreadable({ topic, partition }: Tenure, error: UnreadableBatchError | null): void {
    const { logger, problems } = this.#options
    if (error === null) {
      logger.info({ topic, partition }, 'partition goes on: its record batch could be read')
      problems.clear(concernOf({ topic, partition }))
    } else {
      logger.error({ topic, partition, err: error }, 'a record batch cannot be read: it is fetched again')
      this.#stopped({ topic, partition }, unreadable(error.message, error.nextOffset))
    }
  }

  #stopped({ topic, partition }: Pick<Tenure, 'topic' | 'partition'>, why: string): void {
    this.#options.problems.set(concernOf({ topic, partition }), `${topic} partition ${partition} is stopped: ${why}`)
  }

  /** At once: no call of a handler begins any more. */
  close(): void {
    this.#closed.abort()
    this.#loops.close()
  }

  #logOf(tenure: Pick<Tenure, 'topic' | 'partition'>, ended: AbortSignal) {
    const { problems } = this.#options
    const concern = concernOf(tenure)
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

/** Under which the problems of a partition are kept. */
export function concernOf({ topic, partition }: { topic: string; partition: number }): string {
  return `partition ${topic}-${partition}`
}
