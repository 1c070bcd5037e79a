import { type Clock, sleep } from '../../src/lib/clock.ts'
import { whenAborted } from '../../src/lib/lifecycle.ts'
import { HeldPartition } from '../../src/sink/kafka/held-partition.ts'
import {
  type PartitionHandler,
  type RecordSource,
  type SourceListener,
  type Tenure,
  TenureLostError,
} from '../../src/sink/record-source.ts'
import { recordBatch } from '../support/source-records.ts'
import type { Design } from './design.ts'
import {
  type Assigned,
  GroupError,
  type Identity,
  REBALANCE_TIMEOUT_MS,
  SESSION_TIMEOUT_MS,
  type SimulatedGroup,
} from './simulated-group.ts'
import { type SimulatedLog, TOPIC } from './simulated-log.ts'
import { type CallOptions, type Fates, type Life, NoAnswerError, type World } from './world.ts'

export const CLUSTER_ID = 'simulated'

const HEARTBEAT_INTERVAL_MS = SESSION_TIMEOUT_MS / 4
const LONG_POLL_MS = 10_000
const REQUEST_TIMEOUT_MS = 5_000
const RETRY_MS = 300
const MOST_RECORDS_A_FETCH = 5

export interface SimulatedSourceOptions {
  readonly world: World
  readonly life: Life
  readonly clock: Clock
  readonly group: SimulatedGroup
  readonly logs: ReadonlyMap<number, SimulatedLog>
  readonly fates: Fates
  readonly design: Design
}

interface Commit {
  readonly partition: number
  readonly offset: bigint
  readonly metadata: string
}

/** One generation as a member lives it. */
interface Generation extends Assigned {
  /** Aborted when nothing may be committed under it any more. */
  readonly finished: AbortController
  readonly end: (how: 'rebalance' | 'lost') => void
  readonly over: Promise<'rebalance' | 'lost'>
}

/** The Kafka side of one simulated process: a member of the simulated group that keeps the rules of docs/delivery.md, unless its design breaks one. */
export class SimulatedSource implements RecordSource {
  readonly #options: SimulatedSourceOptions
  readonly #stopping = new AbortController()
  readonly #running = Promise.withResolvers<void>()
  #memberId = ''
  #identity: Identity = { memberId: '', generationId: -1 }
  /** Broken designs only: partitions that outlive their generation, and a commit that is to be sent again. */
  readonly #kept = new Map<number, HeldPartition>()
  #resend: Commit | null = null

  constructor(options: SimulatedSourceOptions) {
    this.#options = options
  }

  async run(sinkListener: SourceListener): Promise<void> {
    const { clock, design } = this.#options
    const { signal } = this.#stopping
    const listener: SourceListener = {
      ...sinkListener,
      assigned: (tenure) => sinkListener.assigned(design.tenure?.(tenure) ?? tenure),
    }
    while (!signal.aborted) {
      const assigned = await this.#join()
      if (assigned && !signal.aborted) await this.#live(assigned, listener)
      else await sleep(clock, RETRY_MS, signal)
    }
    await this.#leave()
    this.#running.resolve()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping.abort()
    await Promise.race([this.#running.promise, whenAborted(deadline)])
  }

  topicPartitions(): null {
    return null
  }

  lag(): number {
    return 0
  }

  async #join(): Promise<Assigned | null> {
    const { group } = this.#options
    try {
      const assigned = await this.#call('join', () => group.join(this.#memberId), REBALANCE_TIMEOUT_MS * 2)
      this.#memberId = assigned.memberId
      return assigned
    } catch {
      // Under the former id the same generation might come back, whose tenures have ended.
      await this.#leave()
      return null
    }
  }

  async #leave(): Promise<void> {
    const memberId = this.#memberId
    this.#memberId = ''
    if (memberId) await this.#call('leave', () => this.#options.group.leave(memberId)).catch(() => {})
  }

  async #live(assigned: Assigned, listener: SourceListener): Promise<void> {
    const { promise: over, resolve: end } = Promise.withResolvers<'rebalance' | 'lost'>()
    const generation: Generation = { ...assigned, over, end, finished: new AbortController() }
    this.#identity = assigned
    void this.#heartbeats(generation)
    await this.#sendAgain(generation)
    const held = await this.#hold(generation)
    listener.settled(held.length)
    for (const { isNew, partition } of held) if (isNew) void partition.begin(listener)
    const how = await Promise.race([over, whenAborted(this.#stopping.signal).then(() => 'shutdown' as const)])
    await this.#giveUp(
      generation,
      held.map(({ partition }) => partition),
      how,
    )
  }

  async #giveUp(generation: Generation, held: HeldPartition[], how: 'rebalance' | 'lost' | 'shutdown'): Promise<void> {
    const { clock, design } = this.#options
    if (design.keepsBuffers && how !== 'shutdown') {
      for (const each of held) this.#kept.set(each.tenure.partition, each)
    } else if (how === 'lost') {
      for (const each of held) each.lose()
    } else {
      const tooLate = new AbortController()
      const cancel = clock.after(REBALANCE_TIMEOUT_MS * 0.8, () => tooLate.abort())
      const limit = AbortSignal.any([tooLate.signal, generation.finished.signal])
      await Promise.all(held.map((each) => each.revoke(how, limit)))
      cancel()
    }
    const isLost = generation.finished.signal.aborted
    generation.finished.abort()
    if (isLost) await this.#leave()
  }

  async #hold(generation: Generation): Promise<{ isNew: boolean; partition: HeldPartition }[]> {
    const held = []
    for (const partition of generation.partitions) {
      const kept = this.#kept.get(partition)
      this.#kept.delete(partition)
      if (kept) held.push({ isNew: false, partition: kept })
      else held.push({ isNew: true, partition: await this.#newPartition(generation, partition) })
    }
    return held
  }

  async #newPartition(generation: Generation, partition: number): Promise<HeldPartition> {
    const { group, world, life } = this.#options
    const committed = await this.#untilAnswered('offset fetch', () => group.fetchOffset(partition), generation)
    return new HeldPartition({
      topic: TOPIC,
      partition,
      clusterId: CLUSTER_ID,
      committed,
      commit: (offset, metadata, ended) => this.#commit(generation, { partition, offset, metadata }, ended),
      read: (tenure, handler, givenUp) => this.#read(generation, tenure, handler, givenUp),
      onFailed: (_tenure, error) => world.note(life.name, `partition ${partition} failed: ${error}`),
    })
  }

  async #commit(generation: Generation, commit: Commit, ended: AbortSignal): Promise<void> {
    const { design } = this.#options
    if (ended.aborted) throw new TenureLostError('the tenure has ended')
    const identity = design.keepsBuffers ? this.#identity : generation
    for (;;) {
      try {
        return await this.#send(commit, identity)
      } catch (error) {
        if (design.resendsUnanswered && error instanceof NoAnswerError) continue
        if (design.resendsRefused && error instanceof GroupError) this.#resend = commit
        this.#lose(generation)
        throw new TenureLostError(String(error))
      }
    }
  }

  #send({ partition, offset, metadata }: Commit, identity: Identity): Promise<void> {
    const { group } = this.#options
    return this.#call(`commit ${partition} ${offset} ${metadata}`, () =>
      group.commit(identity, partition, offset, metadata),
    )
  }

  async #sendAgain(generation: Generation): Promise<void> {
    const commit = this.#resend
    this.#resend = null
    if (commit && generation.partitions.includes(commit.partition)) await this.#send(commit, generation).catch(() => {})
  }

  #lose(generation: Generation): void {
    generation.finished.abort()
    generation.end('lost')
  }

  async #heartbeats(generation: Generation): Promise<void> {
    const { clock, group } = this.#options
    const { signal } = generation.finished
    for (;;) {
      await sleep(clock, HEARTBEAT_INTERVAL_MS, signal)
      if (signal.aborted) return
      try {
        await this.#call('heartbeat', () => group.heartbeat(generation))
      } catch (error) {
        if (!(error instanceof GroupError)) continue
        if (error.message === 'REBALANCE_IN_PROGRESS') generation.end('rebalance')
        else return this.#lose(generation)
      }
    }
  }

  async #read(generation: Generation, tenure: Tenure, handler: PartitionHandler, givenUp: AbortSignal): Promise<void> {
    const log = this.#options.logs.get(tenure.partition) as SimulatedLog
    const { startAt } = handler
    let position = await this.#startOf(generation, log, startAt)
    if (startAt !== position && !givenUp.aborted) await handler.records(recordBatch([], { nextOffset: position }))
    while (!givenUp.aborted) {
      const answer = await this.#untilAnswered('fetch', () => this.#fetch(log, position), generation)
      if (givenUp.aborted) return
      if (answer === 'out of range') {
        const next = await handler.outOfRange(position, { startOffset: log.startOffset, endOffset: log.endOffset })
        if (next === null) return
        position = next
        continue
      }
      await handler.records(recordBatch(answer.records, answer))
      // Lent for the call only.
      for (const { bytes } of answer.records) bytes.fill('#')
      position = answer.nextOffset
    }
  }

  async #startOf(generation: Generation, log: SimulatedLog, startAt: PartitionHandler['startAt']): Promise<bigint> {
    if (typeof startAt === 'bigint') return startAt
    const position = () => (startAt === 'earliest' ? log.startOffset : log.endOffset)
    return this.#untilAnswered('list offsets', position, generation)
  }

  async #fetch(log: SimulatedLog, position: bigint) {
    const { world } = this.#options
    if (position === log.endOffset) {
      const waited = Promise.withResolvers<void>()
      const cancel = world.schedule(LONG_POLL_MS, 'long poll', () => waited.resolve())
      await Promise.race([log.changed(), waited.promise])
      cancel()
    }
    if (position < log.startOffset || position > log.endOffset) return 'out of range'
    return log.read(position, world.random.int(1, MOST_RECORDS_A_FETCH))
  }

  /** What is asked for again until it is answered, or never. */
  async #untilAnswered<T>(label: string, effect: () => T | Promise<T>, { finished }: Generation): Promise<T> {
    const { clock } = this.#options
    for (;;) {
      try {
        return await this.#call(label, effect, LONG_POLL_MS * 2)
      } catch {
        await sleep(clock, RETRY_MS, finished.signal)
      }
    }
  }

  #call<T>(label: string, effect: () => T | Promise<T>, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> {
    const { world, life, fates } = this.#options
    const options: CallOptions = { fates, timeoutMs, refusal: () => new NoAnswerError(`${label}: connection cut`) }
    return world.call(life, label, effect, options)
  }
}
