import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createTopics, gameEvent, gameTopic, kafkaClient } from '../support/game-events.ts'
import { S3Front } from '../support/s3-front.ts'
import { sinkStage } from '../support/sink-stage.ts'

const { s3, kafkaBootstrapServers, scene, start } = sinkStage('replays')

/** So many that those who wait hold all that a sink fetches ahead (16 MiB), a MiB or two each. */
const PARTITIONS = 24
const EVENTS = 250
const EVENT_BYTES = 10_000
const MIB = 1024 * 1024

it('a sink that finishes the sets of many partitions, more than it has memory for, gets to the end of them', async () => {
  const { bucket, eventName, config } = await scene({
    template: '{topic}.json',
    flush: { intervalMs: 600_000, events: EVENTS, bytes: 100 * MIB },
    bufferBytes: 128 * MIB,
  })
  const large = `${eventName}-large`
  const topic = gameTopic('acme', large)
  await createTopics(kafkaBootstrapServers, [topic], PARTITIONS)
  await fill(topic, large)
  const front = await S3Front.to(s3.endpoint, {
    passes: ({ method, url = '' }) => method !== 'PUT' || url.includes('_probe'),
  })
  onTestFinished(() => front.close())
  const read = { ...config, filter: { acme: [topic] } }
  const first = await start({ ...read, s3: { ...read.s3, endpoint: front.endpoint } })
  const admin = kafkaClient(kafkaBootstrapServers).admin()
  await admin.connect()
  await eventually(120_000, async () => {
    const [group] = await admin.fetchOffsets({ groupId: config.kafka.groupId, topics: [topic] })
    expect(group?.partitions.filter(({ metadata }) => metadata?.includes('endOffset'))).toHaveLength(PARTITIONS)
  })
  await admin.disconnect()
  await first.end()
  const second = await start({ ...read, bufferBytes: 8 * MIB })
  await eventually(120_000, async () =>
    expect(await second.status()).toMatchObject({ records: { delivered: PARTITIONS * EVENTS }, error: null }),
  )
  expect(await bucket.count()).toBe(PARTITIONS * EVENTS)
})

/** The same number of events, which cannot be compressed, for each partition. */
async function fill(topic: string, eventName: string): Promise<void> {
  const producer = kafkaClient(kafkaBootstrapServers).producer()
  await producer.connect()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const messages = Array.from({ length: EVENTS }, () => {
      const pad = randomBytes(EVENT_BYTES / 2).toString('hex')
      return { partition, value: JSON.stringify({ ...gameEvent('acme', eventName), Payload: { pad } }) }
    })
    for (let at = 0; at < EVENTS; at += 50) await producer.send({ topic, messages: messages.slice(at, at + 50) })
  }
  await producer.disconnect()
}
