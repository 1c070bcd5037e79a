import { setTimeout as delay } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { decodeCommitMetadata } from '../../src/sink/commit-metadata.ts'
import type { Bucket } from '../support/bucket.ts'
import type { LoggedEvent } from './check.ts'

/** Objects that are read at once. */
const READS_AT_ONCE = 16
const LEADER_ATTEMPTS = 20
const LEADER_RETRY_MS = 500

export interface BucketLines {
  readonly key: string
  /** Lines as they are stored, or the rows of a Parquet file as JSON. */
  readonly lines: readonly string[]
  readonly isRejects: boolean
}

/** Every object of a bucket, read in full. */
export async function readBucket(bucket: Bucket): Promise<BucketLines[]> {
  const keys = (await bucket.objects()).map(({ key }) => key)
  const read: BucketLines[] = []
  const worker = async () => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop())
      read.push({ key, lines: await bucket.lines(key), isRejects: key.startsWith('_errors/') })
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker))
  return read
}

/** A partition's leader may just be moving, which kafkajs does not wait for here. @throws what `ask` throws for longer */
async function untilLed<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === LEADER_ATTEMPTS) throw error
      await delay(LEADER_RETRY_MS)
    }
  }
}

/** Kafka as kafkajs's own clients see it: none of the sink's code reads what the sink is compared with. */
export class KafkaWitness {
  readonly #kafka: Kafka
  readonly #admin: Admin

  private constructor(bootstrapServers: string) {
    const retry = { retries: 60, initialRetryTime: 100, maxRetryTime: 1_000 }
    const brokers = bootstrapServers.split(',')
    this.#kafka = new Kafka({ clientId: 'witness', brokers, logLevel: logLevel.NOTHING, retry })
    this.#admin = this.#kafka.admin()
  }

  static async connect(bootstrapServers: string): Promise<KafkaWitness> {
    const witness = new KafkaWitness(bootstrapServers)
    await witness.#admin.connect()
    return witness
  }

  async close(): Promise<void> {
    await this.#admin.disconnect()
  }

  /** By topic and partition: the offset that the next record will have. */
  async ends(topics: readonly string[]): Promise<Map<string, string>> {
    const ends = new Map<string, string>()
    for (const topic of topics)
      for (const { partition, high } of await untilLed(() => this.#admin.fetchTopicOffsets(topic)))
        ends.set(`${topic}-${partition}`, high)
    return ends
  }

  /** Where a group is not at the end of its topics, or has promised a set that is not done. */
  async unfinished(groupId: string, topics: readonly string[]): Promise<string[]> {
    const ends = await this.ends(topics)
    const groups = await this.#admin.fetchOffsets({ groupId, topics: [...topics] })
    return groups.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset, metadata }) => {
        const end = ends.get(`${topic}-${partition}`)
        // Nothing was ever produced there.
        if (end === '0') return []
        const { kind } = decodeCommitMetadata(metadata ?? '')
        if (offset === end && kind === 'mark') return []
        return [`${groupId}: ${topic}-${partition} is committed to ${offset} (${kind}) of ${end}`]
      }),
    )
  }

  /** Every record of the topics up to where they end now. */
  async read(topics: readonly string[]): Promise<LoggedEvent[]> {
    const ends = await this.ends(topics)
    const left = new Set([...ends].filter(([, end]) => end !== '0').map(([name]) => name))
    const events: LoggedEvent[] = []
    const consumer = this.#kafka.consumer({ groupId: `witness-${Date.now().toString(36)}` })
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    const done = Promise.withResolvers<void>()
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        for (const { offset, value } of messages) events.push({ topic, partition, offset, text: String(value) })
        const next = BigInt(messages.at(-1)?.offset ?? -1) + 1n
        if (next >= BigInt(ends.get(`${topic}-${partition}`) ?? 0)) left.delete(`${topic}-${partition}`)
        if (left.size === 0) done.resolve()
      },
    })
    await done.promise
    await consumer.disconnect()
    return events
  }
}
