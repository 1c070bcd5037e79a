import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { gameTopic } from '../support/game-events.ts'
import { TOPICS, textOf } from './events.ts'

const EVERY_MS = 100

/**
 * Produces numbered events all the time, to every partition in turn. Nothing is sent again: what Kafka did not acknowledge
 * may be in its log or not, but never twice.
 */
export class NumberedProducer {
  readonly acknowledged = new Set<number>()
  readonly #producer: Producer
  readonly #namespace: string
  readonly #stopping = new AbortController()
  #sending: Promise<void> = Promise.resolve()

  constructor(bootstrapServers: string, namespace: string) {
    const kafka = new Kafka({
      clientId: 'numbered-producer',
      brokers: bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      requestTimeout: 5_000,
      retry: { retries: 0 },
    })
    this.#producer = kafka.producer()
    this.#namespace = namespace
  }

  start(eventsPerSecond: number): void {
    this.#sending = this.#send(Math.ceil((eventsPerSecond * EVERY_MS) / 1_000))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#sending
    await this.#producer.disconnect()
  }

  async #send(perTurn: number): Promise<void> {
    for (let n = 1; !this.#stopping.signal.aborted; n += perTurn) {
      const numbers = Array.from({ length: perTurn }, (_, i) => n + i)
      try {
        await this.#producer.connect()
        await this.#producer.sendBatch({ acks: -1, topicMessages: this.#topicMessages(numbers) })
        for (const each of numbers) this.acknowledged.add(each)
      } catch {
        // A broker is away; the next ones have other numbers.
      }
      await delay(EVERY_MS)
    }
  }

  #topicMessages(numbers: readonly number[]) {
    const places = Object.entries(TOPICS).flatMap(([eventName, partitions]) =>
      Array.from({ length: partitions }, (_, partition) => ({ eventName, partition })),
    )
    return Object.keys(TOPICS).map((eventName) => ({
      topic: gameTopic(this.#namespace, eventName),
      messages: numbers
        .map((n) => ({ n, place: places[n % places.length] }))
        .filter(({ place }) => place?.eventName === eventName)
        .map(({ n, place }) => ({ value: textOf(n, this.#namespace, eventName), partition: place?.partition ?? 0 })),
    }))
  }
}
