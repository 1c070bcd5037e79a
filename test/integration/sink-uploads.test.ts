import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import { S3Front } from '../support/s3-front.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { localKafka, sinkConfig } from '../support/sink-process.ts'

const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
const run = Date.now().toString(36)
/** Everything but the probe goes up in parts. */
const ALTERED_SINK = join(import.meta.dirname, '../faults/altered-sink.ts')
const env = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey, LARGEST_PUT_BYTES: '1' }
const ends: (() => unknown)[] = []
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'uploads-'))
})
afterAll(async () => {
  for (const end of ends) await end()
  await rm(dir, { recursive: true })
})

const isPart = ({ method, url = '' }: IncomingMessage) => method === 'PUT' && url.includes('partNumber=')
const isCompletion = ({ method, url = '' }: IncomingMessage) => method === 'POST' && url.includes('uploadId=')

test.concurrent.each([
  ['before its part', isPart],
  ['before it is completed', isCompletion],
])(
  'a sink killed in the middle of an upload, %s: the next one writes the object and aborts the upload',
  async (when, stops) => {
    const name = `upload-${run}-${when.length}`
    const topic = gameTopic('acme', name)
    const [bucket, producer] = [new Bucket(s3, name), new EventProducer(kafkaBootstrapServers)]
    await Promise.all([bucket.create(), createTopics(kafkaBootstrapServers, [topic]), producer.connect()])
    ends.push(() => producer.disconnect())
    const stopped = Promise.withResolvers<void>()
    const passes = (req: IncomingMessage) => {
      if (stops(req)) stopped.resolve()
      return !stops(req)
    }
    const front = await S3Front.to(s3.endpoint, { passes })
    ends.push(() => front.close())
    const start = async (endpoint: string) => {
      const config = sinkConfig({
        connector: `test/${name}`,
        filter: { acme: [topic] },
        kafka: localKafka(kafkaBootstrapServers, name),
        s3: {
          ...{ bucketName: bucket.name, region: s3.region, endpoint, forcePathStyle: true },
          ...{ partSizeBytes: 5_242_880, credentials: 'default', requestChecksumCalculation: 'when_supported' },
        },
        flush: { intervalMs: 500, events: 1_000, bytes: 1_000_000 },
      })
      const sink = new SinkChild(
        ['--revision', await storeRevision(dir, config), '--revisions-dir', dir],
        env,
        ALTERED_SINK,
      )
      ends.push(() => sink.end())
      return sink
    }
    await producer.send(
      topic,
      Array.from({ length: 30 }, () => gameEvent('acme', name)),
    )
    const first = await start(front.endpoint)
    await stopped.promise
    await first.end()
    expect((await bucket.uploads()).length).toBeGreaterThan(0)
    expect(await bucket.count()).toBe(0)
    await start(s3.endpoint)
    await eventually(40_000, () => bucket.expectExactly(producer.acknowledged))
    await eventually(10_000, async () => expect(await bucket.uploads()).toEqual([]))
  },
)
