import { backoffMs } from '../../lib/backoff.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { LogRange } from '../record-source.ts'
import type { KafkaCluster } from './cluster.ts'
import { check, KafkaConnectionError } from './kafka-error.ts'
import { EARLIEST, LATEST, listOffsetsCall } from './protocol.ts'

const BACKOFF = { initialMs: 200, maxMs: 5_000 }

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

/** The first offset that is still there, or the one after the last committed record. Tries until it is told or `ended`; null then. */
export async function endOfLog(end: 'earliest' | 'latest', options: LogOptions): Promise<bigint | null> {
  const { cluster, clock, ended } = options
  for (let attempt = 0; !ended.aborted; attempt++) {
    try {
      const offset = await askLeader(end, options)
      options.onTrouble(null)
      return offset
    } catch (error) {
      if (attempt > 0 && !ended.aborted) options.onTrouble(error)
      await cluster.refresh().catch(() => {})
      await sleep(clock, backoffMs(attempt, BACKOFF), ended)
    }
  }
  return null
}

/** The offsets that the log holds. Null once `ended`. */
export async function logRange(options: LogOptions): Promise<LogRange | null> {
  const [startOffset, endOffset] = [await endOfLog('earliest', options), await endOfLog('latest', options)]
  return startOffset === null || endOffset === null ? null : { startOffset, endOffset }
}

async function askLeader(end: 'earliest' | 'latest', { cluster, topic, partition }: LogOptions): Promise<bigint> {
  const leader = cluster.leaderOf(topic, partition)
  if (leader === null) throw new KafkaConnectionError(`${topic}-${partition} has no leader`)
  const connection = await cluster.connectionToNode(leader, 'data')
  const response = await connection.send(listOffsetsCall(topic, partition, end === 'earliest' ? EARLIEST : LATEST))
  const answer = response.responses[0]?.partitions[0]
  check(`Kafka ${topic}-${partition}: cannot read the ${end} offset`, answer?.errorCode ?? -1)
  return BigInt(answer?.offset ?? -1)
}
