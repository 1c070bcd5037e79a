import type { Clock } from '../../lib/clock.ts'
import { describeError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/logger.ts'
import type { PartitionHandler, Tenure } from '../record-source.ts'
import type { KafkaCluster } from './cluster.ts'
import { FetchLoops } from './fetch-loop.ts'
import { problemLine } from './kafka-error.ts'
import { describeOutOfRange, endOfLog } from './log-range.ts'
import { PartitionReader } from './partition-reader.ts'
import type { Problems } from './problems.ts'

export interface ReadingOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly logger: Logger
  readonly problems: Problems
  readonly maxBufferedBytes: number
}

/** Reads the partitions of one membership: from where their handlers want to begin, until each is given up. */
export class Reading {
  readonly #options: ReadingOptions
  readonly #loops: FetchLoops
  readonly #closed = new AbortController()

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#loops = new FetchLoops({ ...options, onOutOfRange: (reader) => void this.#outOfRange(reader) })
  }

  /** Null until every partition was fetched once. */
  lag(): number | null {
    return this.#loops.lag()
  }

  /** Leaders may have moved. */
  regroup(): void {
    this.#loops.regroup()
  }

  async begin(tenure: Tenure, handler: PartitionHandler, givenUp: AbortSignal): Promise<void> {
    const { startAt } = handler
    const startOffset = typeof startAt === 'bigint' ? startAt : await endOfLog(startAt, this.#logOf(tenure, givenUp))
    if (startOffset === null || givenUp.aborted) return
    // Told at once, not with the first records: a handler may want to hold on to where an empty or idle log began.
    if (startOffset !== startAt)
      await handler.records({ next: () => null, nextOffset: startOffset, highWatermark: startOffset })
    if (givenUp.aborted) return
    const onFailed = (error: unknown) => this.failed(tenure, error)
    const reader = new PartitionReader({ ...tenure, startOffset, handler, onFailed })
    givenUp.addEventListener('abort', () => this.#loops.remove(reader), { once: true })
    this.#loops.add(reader)
  }

  /** The partition is not read any further: going on could lose records. */
  failed({ topic, partition }: Pick<Tenure, 'topic' | 'partition'>, error: unknown): void {
    const line = `Kafka ${topic}-${partition} is stopped: ${describeError(error)}`
    this.#options.logger.error({ topic, partition, err: error }, 'partition stopped')
    this.#options.problems.set(concernOf({ topic, partition }), line)
  }

  /** At once: no call of a handler begins any more. */
  close(): void {
    this.#closed.abort()
    this.#loops.close()
  }

  async #outOfRange({ topic, partition, fetchOffset }: PartitionReader): Promise<void> {
    const line = await describeOutOfRange(fetchOffset, this.#logOf({ topic, partition }, this.#closed.signal))
    if (line === null) return
    this.#options.logger.error({ topic, partition, offset: `${fetchOffset}` }, line)
    this.#options.problems.set(concernOf({ topic, partition }), line)
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
