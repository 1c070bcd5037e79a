import {
  type CommittedOffset,
  type PartitionHandler,
  PartitionStoppedError,
  type RecordBatch,
  type RecordSource,
  type RevocationReason,
  type SourceListener,
  type SourceRecord,
  type Tenure,
  TenureLostError,
} from '../../src/sink/record-source.ts'
import { Fate } from './fate.ts'
import { recordBatch, sourceRecord } from './source-records.ts'

export const TOPIC = 'analytics_game_telemetry.dev.acme.login'
export const CLUSTER_ID = 'cluster-1'

/** One partition's log and what the group coordinator keeps for it. Outlives the processes that read it. */
export class ScriptedPartition {
  readonly partition: number
  readonly records: SourceRecord[] = []
  committed: CommittedOffset = { offset: -1n, metadata: '' }
  /** Every commit that was accepted, oldest first. */
  readonly commits: CommittedOffset[] = []
  /** Called before each commit; throws to refuse it. */
  onCommit: (offset: bigint, metadata: string) => void = () => {}
  generation = 0
  /** Of all that is in it. */
  leaderEpoch: number | null = null

  constructor(partition = 0) {
    this.partition = partition
  }

  get endOffset(): bigint {
    return BigInt(this.records.length)
  }

  append(...values: (string | Buffer | null)[]): this {
    for (const value of values)
      this.records.push(
        sourceRecord({
          offset: this.endOffset,
          timestampMs: Date.parse('2026-03-01T12:05:00Z'),
          key: Buffer.from('key'),
          value: value === null ? null : Buffer.from(value as string),
        }),
      )
    return this
  }

  commit(generation: number, offset: bigint, metadata: string): void {
    if (generation !== this.generation) throw new TenureLostError('ILLEGAL_GENERATION')
    this.onCommit(offset, metadata)
    this.committed = { offset, metadata }
    this.commits.push(this.committed)
  }
}

/** One partition as held by one process. */
export class ScriptedTenure {
  readonly handler: PartitionHandler
  readonly #log: ScriptedPartition
  readonly #ended: AbortController
  #position: bigint
  #isStopped = false

  constructor(handler: PartitionHandler, log: ScriptedPartition, ended: AbortController) {
    this.handler = handler
    this.#log = log
    this.#ended = ended
    const { startAt } = handler
    this.#position = startAt === 'earliest' ? 0n : startAt === 'latest' ? log.endOffset : startAt
  }

  /** Hands out the next records, in one batch; settles when the handler has settled. Nothing of a partition that is stopped. */
  async feed(count = Infinity): Promise<void> {
    if (this.#isStopped) return
    const from = Number(this.#position)
    // Lent for the duration of the call only: scribbled over afterwards.
    const records = this.#log.records.slice(from, from + count).map(sourceRecord)
    this.#position += BigInt(records.length)
    await this.feedBatch(recordBatch(records, { nextOffset: this.#position, highWatermark: this.#log.endOffset }))
    for (const { bytes } of records) bytes.fill('#')
  }

  async feedBatch(batch: RecordBatch): Promise<void> {
    this.#position = batch.nextOffset
    try {
      await this.handler.records(batch)
    } catch (error) {
      if (!(error instanceof PartitionStoppedError)) throw error
      this.#isStopped = true
    }
  }

  /** Tells that the log begins and ends elsewhere than at the position. */
  async outOfRange(startOffset: bigint, endOffset = this.#log.endOffset): Promise<bigint | null> {
    const next = await this.handler.outOfRange(this.#position, { startOffset, endOffset })
    if (next !== null) this.#position = next
    return next
  }

  /** Tells that the log was cut at `keptTo` and has grown again beyond the position, now that `records` are in it. */
  async truncated(keptTo: bigint): Promise<bigint | null> {
    const next = await this.handler.truncated(this.#position, keptTo)
    if (next !== null) this.#position = next
    return next
  }

  /** Nothing where the tenure has ended. */
  async revoke(reason: RevocationReason = 'rebalance', deadline = new AbortController().signal): Promise<void> {
    if (this.#ended.signal.aborted) return
    await this.handler.revoked(reason, deadline)
    this.#ended.abort()
  }

  lose(): void {
    this.#ended.abort()
    this.handler.lost()
  }
}

/** The Kafka side of one process of a test, moved step by step by the test. */
export class ScriptedSource implements RecordSource {
  readonly #fate: Fate
  readonly #running = Promise.withResolvers<void>()
  readonly #tenures: ScriptedTenure[] = []
  #listener = Promise.withResolvers<SourceListener>()

  /** Records behind the high watermark. */
  waiting = 0
  /** Of those, behind the first record of an open transaction. */
  heldBack = 0
  hasLeft = false

  constructor(fate = new Fate()) {
    this.#fate = fate
  }

  /** The sink's listener, once it has joined. */
  get joined(): Promise<SourceListener> {
    return this.#listener.promise
  }

  async run(listener: SourceListener): Promise<void> {
    this.#listener.resolve(listener)
    await this.#running.promise
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(this.#tenures.map((tenure) => tenure.revoke('shutdown', deadline)))
    this.hasLeft = true
    this.#running.resolve()
  }

  fail(error: Error): void {
    this.#running.reject(error)
  }

  topicPartitions(): number | null {
    return null
  }

  lag(): number | null {
    return this.waiting
  }

  readable(): number | null {
    return this.waiting - this.heldBack
  }

  /** Assigns the partition in a new generation: commits of earlier ones are refused from now on. */
  async assign(log: ScriptedPartition, isNewcomer = false): Promise<ScriptedTenure> {
    const generation = ++log.generation
    const ended = new AbortController()
    const tenure: Tenure = {
      topic: TOPIC,
      partition: log.partition,
      clusterId: CLUSTER_ID,
      isNewcomer,
      committed: log.committed,
      ended: ended.signal,
      leaderEpochBefore: () => log.leaderEpoch,
      commit: (offset, metadata) => this.#fate.step(() => log.commit(generation, offset, metadata)),
    }
    const handler = await (await this.joined).assigned(tenure)
    const scripted = new ScriptedTenure(handler, log, ended)
    this.#tenures.push(scripted)
    return scripted
  }
}
