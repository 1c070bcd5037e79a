import { afterEach, beforeEach, expect } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { createKafkaSource, type KafkaTimings } from '../../../src/sink/kafka/kafka-source.ts'
import { encodeOwned } from '../../../src/sink/kafka/member-data.ts'
import { assignmentOf } from '../../../src/sink/kafka/protocol.ts'
import type { RecordSource } from '../../../src/sink/record-source.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'
import { RecordingListener } from '../../support/recording-listener.ts'
import { block, bytes, list } from '../../support/wire.ts'

/** Error codes of the protocol. */
export const NOT_COORDINATOR = 16
export const METADATA_TOO_LARGE = 12
export const ILLEGAL_GENERATION = 22
export const UNKNOWN_MEMBER = 25
export const REBALANCE = 27
export const TOPIC_AUTHORIZATION = 29
export const GROUP_AUTHORIZATION = 30
export const UNSTABLE = 88

const TOPICS = { orders: 2 }

const timings: Partial<KafkaTimings> = {
  sessionTimeoutMs: 1_000,
  heartbeatIntervalMs: 30,
  rebalanceTimeoutMs: 400,
  metadataRefreshMs: 100,
  requestTimeoutMs: 300,
  connectTimeoutMs: 500,
}

/** Of the test that runs; a new one for each. */
export let kafka: FakeKafka
export let listener: RecordingListener
export let source: RecordSource
export let running: Promise<void>

/** To be called once by a file of tests. */
export function onFakeKafka(): void {
  beforeEach(async () => {
    kafka = await FakeKafka.start(TOPICS)
    listener = new RecordingListener()
  })

  afterEach(async () => {
    await source.stop(AbortSignal.timeout(500))
    await running
    await kafka.stop()
  })
}

/** @returns the port on which it was, for `kafkaIsBack` */
export async function kafkaIsAway(): Promise<number> {
  const { port } = kafka
  await kafka.stop()
  return port
}

/** At the same address, with nothing that it knew. */
export async function kafkaIsBack(port: number): Promise<void> {
  kafka = await FakeKafka.start(TOPICS, port)
}

export function start(
  overrides: { bootstrapServers?: string[]; topics?: string[]; timings?: Partial<KafkaTimings> } = {},
): void {
  source = createKafkaSource({
    config: { bootstrapServers: overrides.bootstrapServers ?? [`127.0.0.1:${kafka.port}`], groupId: 'group' },
    topics: () => ({
      filter: { acme: overrides.topics ?? ['orders'] },
      topicPattern: 'x.{namespace}.{eventName}',
      realm: 'dev',
    }),
    clientId: 'test',
    logger: createLogger('silent'),
    clock: systemClock,
    timings: { ...timings, ...overrides.timings },
  })
  running = source.run(listener)
}

export const within = <T>(check: () => T) => eventually(3_000, check, 5)
export const holds = (partitions: string[]) => within(() => expect(listener.partitions).toEqual(partitions))
export const both = ['orders-0', 'orders-1']

export async function joined() {
  await holds(both)
  const [first, second] = listener.held
  if (!first || !second) throw new Error('unreachable')
  return { first, second }
}

/** From the next heartbeat on the group has another member, which holds nothing. */
export function anotherJoins(): void {
  const memberData = bytes(
    [16, 1],
    list(['orders'], (topic) => bytes(topic)),
    block(encodeOwned(-1, [])),
  )
  kafka.other = { memberId: 'other', memberData }
  kafka.next('Heartbeat', REBALANCE)
}

export function partitionsIn(assignment: Buffer): number[] {
  return assignmentOf({ errorCode: 0, memberAssignment: assignment }).flatMap(({ partitions }) => partitions)
}
