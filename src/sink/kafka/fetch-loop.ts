import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { KafkaCluster } from './cluster.ts'
import { decodeFetchResponse, type FetchedPartition } from './fetch-response.ts'
import { isLeaderMoved, KafkaError, problemLine } from './kafka-error.ts'
import { LentAnswer } from './lent-record-set.ts'
import { PARTITION_BYTES, type PartitionReader } from './partition-reader.ts'
import type { Problems } from './problems.ts'
import { type FetchParameters, fetchCall } from './protocol.ts'

/** Longest time that a broker may hold a fetch which it has no records for. */
const MAX_WAIT_MS = 500
/** Shortest: while a partition is left out of the request for a moment, the request should not outlast that moment by much. */
const MIN_WAIT_MS = 5
const REQUEST_BYTES = 4 * 1024 * 1024
const BACKOFF = { initialMs: 200, maxMs: 2_000 }
/** A broker closes idle connections and restarts now and then: one failure is not worth a word to anybody. */
const FAILURES_BEFORE_PROBLEM = 2
const OFFSET_OUT_OF_RANGE = 1
type FetchLimits = Pick<FetchParameters, 'maxBytes' | 'maxWaitMs'>

/** As much of a KafkaCluster as fetching needs. */
export interface Leaders extends Pick<KafkaCluster, 'leaderOf' | 'refresh'> {
  connectionToNode(nodeId: number, purpose: 'fetch'): Promise<Pick<BrokerConnection, 'send' | 'keepAnswer'>>
}

export interface FetchLoopOptions {
  readonly cluster: Leaders
  readonly clock: Clock
  readonly problems: Problems
  /** Most bytes of fetched record sets, as they come from Kafka, that are held over all partitions, or on their way. */
  readonly maxBufferedBytes: number
}

/**
 * Fetches for a set of partitions: one loop for each broker that leads some, each with one long poll at a time. A partition
 * whose handler is behind is left out of the request. Where the leader has moved, metadata are read again; the group
 * notices nothing.
 */
export class FetchLoops {
  readonly #options: FetchLoopOptions
  /** In the order in which they are asked for: whoever got records goes to the end, so every partition gets its turn. */
  readonly #readers = new Map<string, PartitionReader>()
  readonly #loops = new Set<number | null>()
  #bufferedBytes = 0
  /** Most that the answers may have which brokers were asked for. */
  #askedBytes = 0
  readonly #wakers = new Set<() => void>()
  readonly #closing = new AbortController()

  constructor(options: FetchLoopOptions) {
    this.#options = options
  }

  add(reader: PartitionReader): void {
    this.#readers.set(keyOf(reader), reader)
    this.regroup()
  }

  /** The reader's partition is given up; an answer under way for it is left aside. */
  remove(reader: PartitionReader): void {
    reader.stop()
    if (this.#readers.get(keyOf(reader)) === reader) this.#readers.delete(keyOf(reader))
    this.#options.problems.clear(`fetch ${keyOf(reader)}`)
  }

  /** To be called when metadata or the set of readers changed. */
  regroup(): void {
    if (this.#closing.signal.aborted) return
    for (const reader of this.#readers.values()) {
      const nodeId = this.#options.cluster.leaderOf(reader.topic, reader.partition)
      if (reader.stopped || this.#loops.has(nodeId)) continue
      this.#loops.add(nodeId)
      void (nodeId === null ? this.#findLeaders() : this.#fetchFrom(nodeId))
    }
    this.#wake()
  }

  /** Null until every partition was fetched once. */
  lag(): number | null {
    return this.#sumOf(({ lag }) => lag)
  }

  /** Null as `lag`. */
  readable(): number | null {
    return this.#sumOf(({ readable }) => readable)
  }

  /** Loops end, without waiting for answers under way; readers are stopped. */
  close(): void {
    this.#closing.abort()
    for (const reader of this.#readers.values()) reader.stop()
    this.#wake()
    this.#options.problems.clearAll('fetch ')
  }

  async #fetchFrom(nodeId: number): Promise<void> {
    for (let failures = 0; ; ) {
      const led = this.#ledBy(nodeId)
      if (this.#closing.signal.aborted || led.length === 0) break
      const ready = led.filter((reader) => reader.wantsFetch(this.#options.clock.elapsed()) && this.#hasRoomFor(reader))
      if (ready.length === 0) {
        await this.#untilWoken(this.#untilNextTry(led))
        continue
      }
      const maxBytes = this.#shareOfRoom()
      this.#askedBytes += maxBytes
      try {
        const fetched = this.#fetchOnce(nodeId, ready, { maxBytes, maxWaitMs: this.#maxWaitMs(led) })
        const leaderMoved = await fetched.finally(() => this.#answered(maxBytes))
        if (leaderMoved) await this.#refresh()
        failures = 0
        this.#options.problems.clear(`fetch ${nodeId}`)
      } catch (error) {
        if (this.#closing.signal.aborted) break
        if (++failures >= FAILURES_BEFORE_PROBLEM) this.#options.problems.set(`fetch ${nodeId}`, problemLine(error))
        await this.#refresh()
        await this.#sleep(backoffMs(failures - 1, BACKOFF))
      }
    }
    this.#loops.delete(nodeId)
    this.#options.problems.clear(`fetch ${nodeId}`)
  }

  /** Partitions without a leader: reads metadata until each has one. */
  async #findLeaders(): Promise<void> {
    for (let attempt = 0; !this.#closing.signal.aborted && this.#ledBy(null).length > 0; attempt++) {
      if (attempt >= FAILURES_BEFORE_PROBLEM)
        this.#options.problems.set(
          'fetch leader',
          `Kafka: ${keyOf(this.#ledBy(null)[0] as PartitionReader)} has no leader`,
        )
      await this.#sleep(backoffMs(attempt, BACKOFF))
      await this.#refresh()
    }
    this.#loops.delete(null)
    this.#options.problems.clear('fetch leader')
  }

  /** What is left for answers, of which those that are on their way may need as much as they were asked for. */
  get #room(): number {
    return this.#options.maxBufferedBytes - this.#bufferedBytes - this.#askedBytes
  }

  /** What fills the memory may be held by those who wait for this very reader. */
  #hasRoomFor(reader: PartitionReader): boolean {
    return this.#room > 0 || reader.isAwaited
  }

  /** What leaves as much for each other broker, so that all can be asked at once; an answer is larger only where its first batch is. */
  #shareOfRoom(): number {
    const share = Math.ceil(this.#options.maxBufferedBytes / this.#loops.size)
    return Math.min(REQUEST_BYTES, share, Math.max(this.#room, PARTITION_BYTES))
  }

  /** Those who found no room come first: this broker's next request is made after them. */
  #answered(askedBytes: number): void {
    const wasFull = this.#room <= 0
    this.#askedBytes -= askedBytes
    if (wasFull) this.#wake()
  }

  /** @returns whether leaders have to be looked up again */
  async #fetchOnce(nodeId: number, ready: readonly PartitionReader[], limits: FetchLimits): Promise<boolean> {
    const connection = await this.#options.cluster.connectionToNode(nodeId, 'fetch')
    const partitions = ready
      .filter(({ stopped }) => !stopped)
      .map(({ topic, partition, fetchOffset, fetchBytes }) => ({
        topic,
        partition,
        offset: fetchOffset,
        maxBytes: fetchBytes,
      }))
    if (partitions.length === 0) return false
    const response = await connection.send(fetchCall({ ...limits, partitions }, decodeFetchResponse))
    const answer = new LentAnswer((moveOut) => connection.keepAnswer(moveOut))
    let leaderMoved = false
    try {
      if (response.errorCode !== 0) throw new KafkaError('Kafka fetch', response.errorCode)
      const askedOffsets = new Map(partitions.map((partition) => [keyOf(partition), partition.offset]))
      for (const fetched of response.partitions) {
        const reader = this.#readers.get(keyOf(fetched))
        // While the leader moves, the old one's answer and the new one's can both be under way: the first counts.
        const isFirst = reader?.isIdle && reader.fetchOffset === askedOffsets.get(keyOf(fetched))
        if (!isFirst) continue
        if (fetched.errorCode === 0) this.#deliver(reader, fetched, answer)
        else leaderMoved = this.#failed(reader, fetched.errorCode) || leaderMoved
      }
    } finally {
      answer.handedOut()
    }
    return leaderMoved
  }

  #deliver(reader: PartitionReader, fetched: FetchedPartition, answer: LentAnswer): void {
    reader.failures = 0
    reader.highWatermark = fetched.highWatermark
    reader.lastStableOffset = fetched.lastStableOffset
    this.#options.problems.clear(`fetch ${keyOf(reader)}`)
    if (fetched.data.length === 0) return
    const set = answer.lend(fetched)
    this.#bufferedBytes += set.data.length
    const release = once(() => {
      answer.done(set)
      this.#bufferedBytes -= set.data.length
      this.#wake()
    })
    const before = reader.fetchOffset
    reader.accept(set, this.#options.clock.elapsed(), release)
    if (reader.fetchOffset === before) return
    this.#readers.delete(keyOf(reader))
    this.#readers.set(keyOf(reader), reader)
  }

  /** Returns whether the leader has to be looked up again. */
  #failed(reader: PartitionReader, errorCode: number): boolean {
    if (errorCode === OFFSET_OUT_OF_RANGE) void reader.outOfRange()
    reader.notBeforeMs = this.#options.clock.elapsed() + backoffMs(reader.failures++, BACKOFF)
    if (reader.failures >= FAILURES_BEFORE_PROBLEM)
      this.#options.problems.set(
        `fetch ${keyOf(reader)}`,
        problemLine(new KafkaError(`Kafka fetch of ${keyOf(reader)}`, errorCode)),
      )
    return isLeaderMoved(errorCode)
  }

  #ledBy(nodeId: number | null): PartitionReader[] {
    return [...this.#readers.values()].filter(
      (reader) => !reader.stopped && this.#options.cluster.leaderOf(reader.topic, reader.partition) === nodeId,
    )
  }

  /** As long as the partitions left out have been busy so far: what takes long may take longer, and what is short is not overslept. */
  #maxWaitMs(led: readonly PartitionReader[]): number {
    const now = this.#options.clock.elapsed()
    const busyForMs = led.flatMap(({ waitingSinceMs }) => (waitingSinceMs === null ? [] : [now - waitingSinceMs]))
    return Math.max(MIN_WAIT_MS, Math.min(MAX_WAIT_MS, ...busyForMs))
  }

  #untilNextTry(led: readonly PartitionReader[]): number {
    const now = this.#options.clock.elapsed()
    return Math.min(1_000, ...led.map(({ notBeforeMs }) => notBeforeMs - now).filter((ms) => ms > 0))
  }

  #sumOf(countOf: (reader: PartitionReader) => number | null): number | null {
    let sum = 0
    for (const reader of this.#readers.values()) {
      const count = countOf(reader)
      if (count === null) return null
      sum += count
    }
    return sum
  }

  async #refresh(): Promise<void> {
    try {
      await this.#options.cluster.refresh()
    } catch {
      // Told by the next fetch, which fails for the same reason.
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return sleep(this.#options.clock, delayMs, this.#closing.signal)
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake()
  }

  #untilWoken(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel()
        this.#wakers.delete(wake)
        resolve()
      }
      const cancel = this.#options.clock.after(atMostMs, wake)
      this.#wakers.add(wake)
    })
  }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
