import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { LogRange } from '../record-source.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { KafkaCluster } from './cluster.ts'
import { decodeFetchResponse, type FetchedPartition } from './fetch-response.ts'
import { check, errorName, isAccessRefused, KafkaConnectionError } from './kafka-error.ts'
import { type EpochSpan, keptTo, UNKNOWN_EPOCH } from './leader-epochs.ts'
import { OFFSET_FOR_LEADER_EPOCH, offsetForLeaderEpochCall } from './offset-calls.ts'
import { EARLIEST, fetchCall, LATEST, listOffsetsCall } from './protocol.ts'
import { extentOf } from './record-batch.ts'

const BACKOFF = { initialMs: 200, maxMs: 5_000 }
/** No log goes so far: a fetch of it says whether we may read, and brings nothing. */
const BEYOND_ANY_LOG = 2n ** 63n - 1n

interface LogOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly topic: string
  readonly partition: number
  /** Gives up. */
  readonly ended: AbortSignal
  /** Null: it was answered. */
  readonly onTrouble: (error: unknown) => void
}

/**
 * Where to begin in a partition that the group never committed, once its topic may be read. A member that may only describe the topic is
 * told offsets too, but is refused when it commits one. That costs it its other partitions, and not only once, but each time it comes back.
 */
export function placeToBegin(end: 'earliest' | 'latest', options: LogOptions): Promise<bigint | null> {
  return untilTold(options, async () => {
    await checkReadable(options)
    return askLeader(end, options)
  })
}

/** The offsets that the log holds. Null once `ended`. */
export async function logRange(options: LogOptions): Promise<LogRange | null> {
  const [startOffset, endOffset] = [await endOfLog('earliest', options), await endOfLog('latest', options)]
  return startOffset === null || endOffset === null ? null : { startOffset, endOffset }
}

/**
 * The log, where it ends before an offset that it once went up to; null where it does not, and once `ended`. A new leader that does not know yet what
 * the others have tells an end before its own for a moment: so it is asked for the offset itself, too.
 */
export async function logBefore(offset: bigint, options: LogOptions): Promise<LogRange | null> {
  const log = await logRange(options)
  if (log === null || offset <= log.endOffset) return null
  await sleep(options.clock, BACKOFF.maxMs, options.ended)
  const isBeyond = await untilTold(options, async () => {
    const fetched = await fetchAt(offset, await leaderConnection(options), options)
    if (isOutOfRange(fetched)) return true
    check(`Kafka ${options.topic}-${options.partition}: cannot be read`, fetched?.errorCode ?? 0)
    return false
  })
  return isBeyond ? log : null
}

/**
 * How far the partition's leader has the log that was read: up to the end of what is of the epoch that was read last. Another broker that became the
 * leader without having had all of it has none of that epoch, or less. Null where that cannot be told, and once `ended`.
 *
 * @param last what was read last
 * @param next the epoch of what comes after it
 * @param position the offset of that
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-320
 */
export function endOfEpoch(
  last: EpochSpan,
  next: number,
  position: bigint,
  options: LogOptions,
): Promise<bigint | null> {
  return untilTold(options, async () => {
    const { topic, partition } = options
    const connection = await leaderConnection(options)
    if (!connection.speaks(OFFSET_FOR_LEADER_EPOCH)) return null
    const { responses } = await connection.send(offsetForLeaderEpochCall(topic, partition, last.epoch))
    const answer = responses[0]?.partitions[0]
    if (isAccessRefused(answer?.errorCode ?? 0)) return null
    check(`Kafka ${topic}-${partition}: cannot read where a leader's records end`, answer?.errorCode ?? -1)
    const { leaderEpoch = UNKNOWN_EPOCH, endOffset = -1n } = answer ?? {}
    const kept = keptTo(last, next, { leaderEpoch, endOffset })
    if (kept === null || kept >= position || endOffset < position) return kept
    // Or all of that epoch was compacted away, before this broker copied the log.
    return (await holdsAnyOf(last.from, position, connection, options)) ? kept : endOffset
  })
}

/** Whether the log has anything from one offset up to another; also where it begins behind the first of them. */
async function holdsAnyOf(
  from: bigint,
  to: bigint,
  connection: BrokerConnection,
  options: LogOptions,
): Promise<boolean> {
  const fetched = await fetchAt(from, connection, options)
  if (fetched === undefined || isOutOfRange(fetched)) return true
  check(`Kafka ${options.topic}-${options.partition}: cannot be read`, fetched.errorCode)
  const first = extentOf(fetched, from).epochs[0]
  return first === undefined || first.from < to
}

/** One batch from an offset on, or what the leader says of that. */
async function fetchAt(
  offset: bigint,
  connection: BrokerConnection,
  { topic, partition }: LogOptions,
): Promise<FetchedPartition | undefined> {
  const partitions = [{ topic, partition, offset, maxBytes: 1 }]
  const answer = await connection.send(fetchCall({ maxWaitMs: 0, maxBytes: 1, partitions }, decodeFetchResponse))
  return answer.partitions[0]
}

function isOutOfRange(fetched: FetchedPartition | undefined): boolean {
  return fetched !== undefined && errorName(fetched.errorCode) === 'OFFSET_OUT_OF_RANGE'
}

/** The first offset that is still there, or the one after the last committed record. */
function endOfLog(end: 'earliest' | 'latest', options: LogOptions): Promise<bigint | null> {
  return untilTold(options, () => askLeader(end, options))
}

/** Tries until it is told or `ended`; null then. */
async function untilTold<T>(options: LogOptions, ask: () => Promise<T>): Promise<T | null> {
  const { cluster, clock, ended } = options
  for (let attempt = 0; !ended.aborted; attempt++) {
    try {
      const told = await ask()
      options.onTrouble(null)
      return told
    } catch (error) {
      if (attempt > 0 && !ended.aborted) options.onTrouble(error)
      await cluster.refresh().catch(() => {})
      await sleep(clock, backoffMs(attempt, BACKOFF), ended)
    }
  }
  return null
}

async function checkReadable(options: LogOptions): Promise<void> {
  const fetched = await fetchAt(BEYOND_ANY_LOG, await leaderConnection(options), options)
  const errorCode = fetched?.errorCode ?? 0
  if (isAccessRefused(errorCode)) check(`Kafka topic ${options.topic}`, errorCode)
}

async function askLeader(end: 'earliest' | 'latest', options: LogOptions): Promise<bigint> {
  const { topic, partition } = options
  const connection = await leaderConnection(options)
  const response = await connection.send(listOffsetsCall(topic, partition, end === 'earliest' ? EARLIEST : LATEST))
  const answer = response.responses[0]?.partitions[0]
  check(`Kafka ${topic}-${partition}: cannot read the ${end} offset`, answer?.errorCode ?? -1)
  return BigInt(answer?.offset ?? -1)
}

async function leaderConnection({ cluster, topic, partition }: LogOptions): Promise<BrokerConnection> {
  const leader = cluster.leaderOf(topic, partition)
  if (leader === null) throw new KafkaConnectionError(`${topic}-${partition} has no leader`)
  return cluster.connectionToNode(leader, 'data')
}
