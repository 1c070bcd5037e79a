import type { RecordSet } from './record-batch.ts'

export interface FetchedPartition extends RecordSet {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly lastStableOffset: bigint
}

export interface FetchResponse {
  /** Milliseconds for which the broker wants no further request on this connection (KIP-219); the connection obeys by this name. */
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

/**
 * Fetch response version 11 => throttleTimeMs int32 · errorCode int16 · sessionId int32 · [topic [partition]]
 *   partition => index int32 · errorCode int16 · highWatermark int64 · lastStableOffset int64 · logStartOffset int64
 *     abortedTransactions [producerId int64 · firstOffset int64] · preferredReadReplica int32 · records bytes
 *
 * kafkajs's own decoder fails the whole answer for one partition's error, drops where an emptied batch ends, and throws
 * for more than about 125,000 records. Record sets are slices of `raw`.
 */
export function decodeFetchResponse(raw: Buffer): FetchResponse {
  const reader = new Reader(raw)
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  reader.skip(4)
  const partitions: FetchedPartition[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string()
    for (let count = reader.int32(); count > 0; count--) partitions.push(readPartition(topic, reader))
  }
  return { clientSideThrottleTime, errorCode, partitions }
}

function readPartition(topic: string, reader: Reader): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const highWatermark = reader.int64()
  const lastStableOffset = reader.int64()
  reader.skip(8) // the log's start offset
  const abortedTransactions = []
  for (let count = reader.int32(); count > 0; count--)
    abortedTransactions.push({ producerId: reader.int64(), firstOffset: reader.int64() })
  reader.skip(4) // the preferred read replica
  const offsets = { highWatermark, lastStableOffset }
  return { topic, partition, errorCode, ...offsets, abortedTransactions, data: reader.bytes() }
}

class Reader {
  readonly #raw: Buffer
  #at = 0

  constructor(raw: Buffer) {
    this.#raw = raw
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  int16(): number {
    this.#at += 2
    return this.#raw.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#raw.readInt32BE(this.#at - 4)
  }

  int64(): bigint {
    this.#at += 8
    return this.#raw.readBigInt64BE(this.#at - 8)
  }

  string(): string {
    return this.#take(this.int16()).toString()
  }

  bytes(): Buffer {
    return this.#take(this.int32())
  }

  #take(length: number): Buffer {
    const start = this.#at
    this.#at += Math.max(length, 0)
    return this.#raw.subarray(start, this.#at)
  }
}
