import { setTimeout as delay } from 'node:timers/promises'
import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs'
import { gameTopic } from '../support/game-events.ts'
import { isLarge, TOPICS, textOf } from './events.ts'

const EVERY_MS = 100
const PLACES = Object.entries(TOPICS).flatMap(([eventName, partitions]) =>
  Array.from({ length: partitions }, (_, partition) => ({ eventName, partition })),
)

/**
 * Produces numbered events all the time, to every partition in turn. Nothing is sent again: what Kafka did not acknowledge
 * may be in its log or not, but never twice.
 */
export class NumberedProducer {
  readonly acknowledged = new Set<number>()
  readonly #producer: Producer
  readonly #namespace: string
  readonly #stopping = new AbortController()
  #sending: Promise<unknown> = Promise.resolve()

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
    const perTurn = Math.ceil((eventsPerSecond * EVERY_MS) / 1_000 / PLACES.length)
    this.#sending = Promise.all(PLACES.map((place, i) => this.#send(place, i, perTurn)))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#sending
    await this.#producer.disconnect()
  }

  /** To one partition, so that one without a leader holds up no other. */
  async #send({ eventName, partition }: (typeof PLACES)[number], place: number, perTurn: number): Promise<void> {
    const topic = gameTopic(this.#namespace, eventName)
    for (let turn = 0; !this.#stopping.signal.aborted; turn++) {
      const numbers = Array.from({ length: perTurn }, (_, i) => (turn * perTurn + i) * PLACES.length + place + 1)
      const messages = numbers.map((n) => ({ value: textOf(n, this.#namespace, eventName), partition }))
      try {
        await this.#producer.connect()
        // Large events repeat one letter: compressed they are no work for the brokers.
        const compression = numbers.some(isLarge) ? CompressionTypes.GZIP : CompressionTypes.None
        await this.#producer.send({ acks: -1, topic, compression, messages })
        for (const n of numbers) this.acknowledged.add(n)
      } catch {
        // A broker is away; the next ones have other numbers.
      }
      await delay(EVERY_MS)
    }
  }
}
