import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { createLedTopics } from './led-topics.ts'

export interface GameEvent {
  readonly EventId: string
  readonly EventNamespace: string
  readonly EventName: string
  readonly EventTimestamp: string
  readonly ClientTimestamp: string
  readonly UserId: string
  readonly UserNamespace: string
  readonly ClientId: string
  readonly DeviceType: string
  readonly Payload: Readonly<Record<string, unknown>>
}

/** A game-telemetry event as game clients send it (PascalCase envelope). */
export function gameEvent(namespace: string, eventName: string, now = new Date()): GameEvent {
  return {
    EventId: randomUUID(),
    EventNamespace: namespace,
    EventName: eventName,
    EventTimestamp: now.toISOString(),
    ClientTimestamp: now.toISOString(),
    UserId: randomUUID(),
    UserNamespace: namespace,
    ClientId: 'demo-client',
    DeviceType: 'PC',
    Payload: {
      map: 'canyon',
      durationSeconds: Math.round(Math.random() * 900),
      score: Math.round(Math.random() * 10_000),
    },
  }
}

export function gameTopic(namespace: string, eventName: string, realm = 'dev'): string {
  return `analytics_game_telemetry.${realm}.${namespace}.${eventName}`
}

export function kafkaClient(bootstrapServers: string): Kafka {
  return new Kafka({
    clientId: 'event-producer',
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 1000 },
  })
}

/** Creates topics and waits until every partition can be written to. */
export async function createTopics(
  bootstrapServers: string,
  topics: readonly string[],
  numPartitions = 3,
): Promise<void> {
  const admin = kafkaClient(bootstrapServers).admin()
  await admin.connect()
  try {
    await createLedTopics(
      admin,
      topics.map((topic) => ({ topic, numPartitions })),
    )
  } finally {
    await admin.disconnect()
  }
}

/** Sends events and remembers the id of every one that Kafka acknowledged: what the bucket is compared with. */
export class EventProducer {
  readonly acknowledged = new Set<string>()
  readonly #producer: Producer
  #sending: Promise<void> | undefined
  #stop = new AbortController()

  constructor(bootstrapServers: string) {
    // Idempotent: a retry inside the producer must not be a second record, or the comparison would blame the sink for it.
    this.#producer = kafkaClient(bootstrapServers).producer({ idempotent: true, maxInFlightRequests: 1 })
  }

  async connect(): Promise<void> {
    await this.#producer.connect()
  }

  async send(topic: string, events: readonly GameEvent[]): Promise<void> {
    await this.#producer.send({
      topic,
      acks: -1,
      messages: events.map((event) => ({ key: event.UserId, value: JSON.stringify(event) })),
    })
    for (const { EventId } of events) this.acknowledged.add(EventId)
  }

  /** Sends to one partition what nobody will look for. */
  async sendTo(topic: string, partition: number, count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => ({
      partition,
      value: JSON.stringify(gameEvent('acme', topic)),
    }))
    await this.#producer.send({ topic, acks: -1, messages })
  }

  /** Sends a steady stream over the namespaces and event names until `stopStream`. */
  startStream(targets: readonly { namespace: string; eventName: string }[], eventsPerSecond: number): void {
    const everyMs = 100
    const perTick = Math.max(1, Math.round((eventsPerSecond * everyMs) / 1000))
    const { signal } = this.#stop
    this.#sending = (async () => {
      for (let tick = 0; !signal.aborted; tick++) {
        const target = targets[tick % targets.length]
        if (!target) throw new Error('a stream needs at least one target')
        const { namespace, eventName } = target
        const batch = Array.from({ length: perTick }, () => gameEvent(namespace, eventName))
        await this.send(gameTopic(namespace, eventName), batch)
        await delay(everyMs, undefined, { signal }).catch(() => {})
      }
    })()
  }

  async stopStream(): Promise<void> {
    this.#stop.abort()
    await this.#sending
    this.#sending = undefined
    this.#stop = new AbortController()
  }

  async disconnect(): Promise<void> {
    await this.stopStream()
    await this.#producer.disconnect()
  }
}
