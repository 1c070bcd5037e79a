/**
 * The physical reference: our own decoder, one copy of each value into a body, encoding, PutObject, by the parts that the sink has for
 * them. No group, no commits, no look into the records, one object at a time for each partition.
 */
import pino from 'pino'
import { ByteLog, crc32Of } from '../../../src/sink/byte-log.ts'
import { BodyEncoder, contentTypeOf, isPlain } from '../../../src/sink/encode/body-encoder.ts'
import { BrokerConnection, parseAddress } from '../../../src/sink/kafka/broker-connection.ts'
import { decodeFetchResponse, type FetchedPartition } from '../../../src/sink/kafka/fetch-response.ts'
import { PARTITION_BYTES, wholeBatchesOf } from '../../../src/sink/kafka/partition-reader.ts'
import { fetchCall } from '../../../src/sink/kafka/protocol.ts'
import { decodeRecordSet, extentOf } from '../../../src/sink/kafka/record-batch.ts'
import { S3Store } from '../../../src/sink/s3-store.ts'
import { SlabPool } from '../../../src/sink/slab-pool.ts'
import { onlyTopic, reportProgress, type Task } from './reference.ts'

const BODY_LINES = 10_000

const { config, partitions } = JSON.parse(process.argv[2] ?? '') as Task
const topic = onlyTopic(config)
const progress = reportProgress()
const store = new S3Store({ s3: config.s3, credentialsDir: '', observer: { called: () => {} } })
const encoder = new BodyEncoder()
const slabs = new SlabPool(256 * 1024 * 1024)
const signal = new AbortController().signal

class Body {
  readonly #partition: number
  #log = new ByteLog(slabs)
  #written = 0
  #writing: Promise<void> = Promise.resolve()
  offset = 0n
  maxBytes = PARTITION_BYTES

  constructor(partition: number) {
    this.#partition = partition
  }

  async take(fetched: FetchedPartition): Promise<void> {
    const { cutBatchBytes } = extentOf(fetched, this.offset)
    if (cutBatchBytes !== null) this.maxBytes = wholeBatchesOf(cutBatchBytes)
    for (const batch of decodeRecordSet(fetched, this.offset)) {
      for (let record = batch.next(); record; record = batch.next()) {
        this.#log.append(record.bytes, record.valueAt, record.valueLength)
        progress.read++
        if (this.#log.lines === BODY_LINES) await this.put()
      }
      this.offset = batch.nextOffset
    }
  }

  /** Reading goes on while the body is sent, as it does in the sink; the next one waits for it. */
  async put(): Promise<void> {
    await this.#writing
    const log = this.#log
    const key = `plain/${this.#partition}/${this.#written++}.json`
    this.#log = new ByteLog(slabs)
    this.#writing = write(key, log).then(() => {
      progress.done += log.lines
      log.release()
    })
  }
}

async function write(key: string, log: ByteLog): Promise<void> {
  const chunks = await encoder.encode(log.chunks(), config)
  const crc32 = isPlain(config) ? log.crc32 : crc32Of(chunks)
  await store.createIfAbsent({ key, chunks, crc32, contentType: contentTypeOf(config), metadata: {} }, signal)
}

const bodies = Array.from({ length: partitions }, (_, partition) => new Body(partition))
const settings = {
  clientId: 'plain-loop',
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  logger: pino({ level: 'silent' }),
  lendsAnswers: true,
}
const connection = await BrokerConnection.open(parseAddress(config.kafka.bootstrapServers[0] ?? ''), settings)
let turn = 0
for (let idle = false; ; ) {
  // Whoever came last is asked for first: an answer has room for eight of the twelve.
  const order = bodies.map((_, i) => (turn + i) % partitions)
  turn += 8
  const asked = order.map((partition) => ({
    topic,
    partition,
    offset: bodies[partition]?.offset ?? 0n,
    maxBytes: bodies[partition]?.maxBytes ?? PARTITION_BYTES,
  }))
  const call = fetchCall({ maxWaitMs: 500, maxBytes: 8 * PARTITION_BYTES, partitions: asked }, decodeFetchResponse)
  const fetched = (await connection.send(call)).partitions.filter(({ data }) => data.length > 0)
  for (const each of fetched) await bodies[each.partition]?.take(each)
  if (fetched.length === 0 && !idle) for (const body of bodies) await body.put()
  idle = fetched.length === 0
}
