import { type Clock, sleep } from '../../src/lib/clock.ts'
import { keptTo, type LeaderEpochs } from '../../src/sink/kafka/leader-epochs.ts'
import type { PartitionReading } from '../../src/sink/kafka/membership.ts'
import type { Problems } from '../../src/sink/kafka/problems.ts'
import { concernOf } from '../../src/sink/kafka/reading.ts'
import { type PartitionHandler, PartitionStoppedError, type Tenure } from '../../src/sink/record-source.ts'
import { recordBatch } from '../support/source-records.ts'
import { REQUEST_TIMEOUT_MS } from './simulated-cluster.ts'
import type { SimulatedLog } from './simulated-log.ts'
import { type Fates, type Life, NoAnswerError, type World } from './world.ts'

const LONG_POLL_MS = 10_000
const RETRY_MS = 300
const MOST_RECORDS_A_FETCH = 5

type FetchAnswer = ReturnType<SimulatedLog['read']> | 'expired' | 'beyond the end'

export interface ReadingOptions {
  readonly world: World
  readonly life: Life
  readonly clock: Clock
  readonly logs: ReadonlyMap<number, SimulatedLog>
  readonly fates: Fates
  readonly problems: Problems
  /** Whether what another leader has is taken for what was there before. */
  readonly trustsLeaders: boolean
}

/** One partition while it is read. */
interface Read {
  readonly log: SimulatedLog
  readonly handler: PartitionHandler
  readonly epochs: LeaderEpochs
  readonly ended: AbortSignal
}

/** Reads the logs for one membership, batch by batch, as `src/sink/kafka/reading.ts` does. */
export class SimulatedReading implements PartitionReading {
  readonly #options: ReadingOptions
  readonly #closed = new AbortController()
  /** Next offset to read of each partition that is being read. */
  readonly #positions = new Map<number, bigint>()

  constructor(options: ReadingOptions) {
    this.#options = options
  }

  async begin(
    { partition, committed }: Tenure,
    handler: PartitionHandler,
    givenUp: AbortSignal,
    epochs: LeaderEpochs,
  ): Promise<void> {
    const log = this.#options.logs.get(partition) as SimulatedLog
    const ended = AbortSignal.any([givenUp, this.#closed.signal])
    const { startAt, promisedTo = null } = handler
    if (promisedTo !== null && promisedTo > log.endOffset && !this.#options.trustsLeaders) {
      this.#options.world.tally.add('… of what was promised')
      await handler.outOfRange(promisedTo, { startOffset: log.startOffset, endOffset: log.endOffset })
      return
    }
    const position = await this.#startOf(log, startAt, ended)
    if (startAt !== position && !ended.aborted) await handler.records(recordBatch([], { nextOffset: position }))
    if (position !== committed.offset || this.#options.trustsLeaders) epochs.skipFrom(position - 1n)
    for (let next: bigint | null = position; next !== null && !ended.aborted; ) {
      this.#positions.set(partition, next)
      next = await this.#handNext(next, { log, handler, epochs, ended })
    }
    this.#positions.delete(partition)
  }

  /** Fetches once, and tells the handler what was found. @returns where to read on, null for nowhere */
  async #handNext(position: bigint, read: Read): Promise<bigint | null> {
    const { log, handler, epochs, ended } = read
    const { tally } = this.#options.world
    const answer = await this.#untilAnswered('Fetch', () => this.#fetch(log, position), ended)
    if (ended.aborted) return null
    const kept = await this.#keptTo(position, answer, read)
    if (ended.aborted) return null
    if (kept !== null && kept < position) {
      const next = await handler.truncated(position, kept)
      tally.add(next === null ? '… of what was promised' : '… of what was only read')
      return next
    }
    if (typeof answer === 'string') {
      if (answer === 'expired') {
        tally.add('records expired before they were read')
        epochs.skipFrom(position)
      }
      const { startOffset, endOffset } = log
      return handler.outOfRange(position, { startOffset, endOffset })
    }
    if (!this.#options.trustsLeaders) epochs.read(answer.epochs)
    await handler.records(recordBatch(answer.records, answer))
    // Lent for the call only.
    for (const { bytes } of answer.records) bytes.fill('#')
    return answer.nextOffset
  }

  /** Next offset to read; null when the partition is not read. */
  positionOf(partition: number): bigint | null {
    return this.#positions.get(partition) ?? null
  }

  failed(tenure: Pick<Tenure, 'topic' | 'partition'>, error: unknown): void {
    // Its handler has told why.
    if (error instanceof PartitionStoppedError) return
    this.#options.problems.set(concernOf(tenure), `partition ${tenure.partition} is stopped: ${error}`)
  }

  lag(): number {
    return 0
  }

  readable(): number {
    return 0
  }

  regroup(): void {}

  close(): void {
    this.#closed.abort()
  }

  async #startOf(log: SimulatedLog, startAt: PartitionHandler['startAt'], ended: AbortSignal): Promise<bigint> {
    if (typeof startAt === 'bigint') return startAt
    const position = () => (startAt === 'earliest' ? log.startOffset : log.endOffset)
    return this.#untilAnswered('ListOffsets', position, ended)
  }

  async #fetch(log: SimulatedLog, position: bigint): Promise<FetchAnswer> {
    const { world } = this.#options
    if (position === log.endOffset) {
      const waited = Promise.withResolvers<void>()
      const cancel = world.schedule(LONG_POLL_MS, 'long poll', () => waited.resolve())
      await Promise.race([log.changed(), waited.promise])
      cancel()
    }
    if (position < log.startOffset) return 'expired'
    if (position > log.endOffset) return 'beyond the end'
    return log.read(position, world.random.int(1, MOST_RECORDS_A_FETCH))
  }

  /** Asks the leader where what comes is of another one than what came last. */
  async #keptTo(position: bigint, answer: FetchAnswer, { log, epochs, ended }: Read): Promise<bigint | null> {
    if (answer === 'expired') return null
    const isShort = answer === 'beyond the end'
    const last = epochs.lastBefore(position)
    const next = isShort ? last?.epoch : answer.epochs[0]?.epoch
    if (last === null || next === undefined || (!isShort && epochs.changeAt(position, next) === null)) return null
    return this.#untilAnswered('OffsetForLeaderEpoch', () => keptTo(last, next, log.endOf(last.epoch)), ended)
  }

  /** What is asked for again until it is answered, or never. */
  async #untilAnswered<T>(operation: string, effect: () => T | Promise<T>, ended: AbortSignal): Promise<T> {
    const { world, life, clock, fates } = this.#options
    const refusal = () => new NoAnswerError(`${operation}: connection cut`)
    const timeoutMs = operation === 'Fetch' ? LONG_POLL_MS * 2 : REQUEST_TIMEOUT_MS
    for (;;) {
      try {
        return await world.call(life, { operation, effect, fates, timeoutMs, refusal })
      } catch {
        await sleep(clock, RETRY_MS, ended)
      }
    }
  }
}
