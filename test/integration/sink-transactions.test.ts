import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, gameEvent, gameTopic, kafkaClient } from '../support/game-events.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { localBucket, localKafka, sinkConfig } from '../support/sink-process.ts'

const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
const name = `sink-transactions-${Date.now().toString(36)}`
const topic = gameTopic('acme', name)
const bucket = new Bucket(s3, name)
const kafka = kafkaClient(kafkaBootstrapServers)
const admin = kafka.admin()
const producer = kafka.producer({ transactionalId: name, maxInFlightRequests: 1 })
let dir: string
let sink: SinkChild | undefined

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sink-transactions-'))
  await Promise.all([
    bucket.create(),
    createTopics(kafkaBootstrapServers, [topic], 2),
    producer.connect(),
    admin.connect(),
  ])
})
afterAll(async () => {
  await sink?.end()
  await Promise.all([producer.disconnect(), admin.disconnect()])
  await rm(dir, { recursive: true })
})

/** @returns the ids of the events */
async function transaction(partition: number, events: number, end: 'commit' | 'abort'): Promise<string[]> {
  const values = Array.from({ length: events }, () => gameEvent('acme', name))
  const open = await producer.transaction()
  await open.send({ topic, messages: values.map((value) => ({ partition, value: JSON.stringify(value) })) })
  await open[end]()
  return values.map(({ EventId }) => EventId)
}

/** By partition, as every outside tool shows it. */
async function lags(): Promise<number[]> {
  const [ends, [group]] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId: name, topics: [topic] }),
  ])
  const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return ends
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, high }) => Number(high) - (committed.get(partition) ?? 0))
}

it('delivers what was committed and nothing that was aborted, and leaves no lag behind for the markers', async () => {
  const FULL = 3
  const config = sinkConfig({
    connector: `test/${name}`,
    filter: { acme: [topic] },
    kafka: localKafka(kafkaBootstrapServers, name),
    s3: localBucket(bucket.name, s3.region, s3.endpoint),
    // A set is full with the last event of its transaction: the marker is what follows it.
    flush: { intervalMs: 1_000, events: FULL, bytes: 1_000_000 },
  })
  sink = new SinkChild(['--revision', await storeRevision(dir, config), '--revisions-dir', dir], {
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  })
  await eventually(30_000, async () => expect((await sink?.status())?.partitions).toBe(2))
  const committed = await transaction(0, FULL, 'commit')
  await transaction(1, FULL, 'abort')
  committed.push(...(await transaction(0, FULL, 'commit')))
  await eventually(30_000, () => bucket.expectExactly(new Set(committed)))
  await eventually(10_000, async () => expect(await lags()).toEqual([0, 0]))
  expect(await sink.status()).toMatchObject({ state: 'ACTIVE', lag: 0, records: { read: 2 * FULL } })
})
