import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import type { FileFormat } from '../../src/contract/file-format.ts'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { sinkConfig } from '../support/sink-process.ts'

const stack = connectStack(inject('stack'))
const { s3, kafkaBootstrapServers } = stack
const run = Date.now().toString(36)
const env = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey }
const producer = new EventProducer(kafkaBootstrapServers)
const children: SinkChild[] = []
let dir: string
let tests = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'revisions-'))
  await producer.connect()
})
afterEach(async () => {
  await producer.stopStream()
  producer.acknowledged.clear()
  for (const child of children.splice(0)) await child.end()
})
afterAll(async () => {
  await producer.disconnect()
  await rm(dir, { recursive: true })
})

/** A topic, a bucket and a configuration of the test's own. */
async function scene(changes: Partial<SinkConfig> = {}) {
  const name = `formats-${run}-${tests++}`
  const topic = gameTopic('acme', name)
  const bucket = new Bucket(s3, name)
  await Promise.all([bucket.create(), createTopics(kafkaBootstrapServers, [topic])])
  const base = sinkConfig()
  const config = sinkConfig({
    connector: `test/${name}`,
    filter: { acme: [topic] },
    kafka: { ...base.kafka, bootstrapServers: kafkaBootstrapServers.split(','), groupId: name },
    s3: { ...base.s3, bucketName: bucket.name, region: s3.region, endpoint: s3.endpoint, forcePathStyle: true },
    flush: { intervalMs: 1_000, events: 100, bytes: 1_000_000 },
    ...changes,
  })
  return { bucket, name, topic, config }
}

async function start(config: SinkConfig): Promise<SinkChild> {
  const revision = await storeRevision(dir, config)
  const child = new SinkChild(['--revision', revision, '--revisions-dir', dir], env)
  children.push(child)
  return child
}

test.each<[FileFormat, string, string]>([
  [{ format: 'ndjson', compression: 'gzip' }, '.json.gz', 'application/gzip'],
  [{ format: 'ndjson', compression: 'zstd' }, '.json.zst', 'application/zstd'],
  [{ format: 'parquet', compression: 'zstd' }, '.parquet', 'application/vnd.apache.parquet'],
])(
  'in %j every event is in exactly one object, though a sink is killed in the midst of writing',
  async (fileFormat, ending, contentType) => {
    const { bucket, name, config } = await scene(fileFormat)
    producer.startStream([{ namespace: 'acme', eventName: name }], 1_000)
    const killed = await start(config)
    await eventually(60_000, async () => expect((await killed.status()).objects).toBeGreaterThan(3), 20)
    killed.kill('SIGKILL')
    await killed.exitCode
    const last = await start(config)
    await eventually(60_000, async () => expect((await last.status()).state).toBe('ACTIVE'))
    await producer.stopStream()
    await eventually(60_000, async () => expect(await bucket.count()).toBe(producer.acknowledged.size), 500)
    last.kill('SIGTERM')
    expect(await last.exitCode).toBe(0)
    await bucket.expectExactly(producer.acknowledged)
    const [{ key } = { key: '' }] = (await bucket.objects()).filter((each) => !isProbe(each.key))
    expect(key.endsWith(ending)).toBe(true)
    const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: key }))
    expect([head.ContentType, head.ContentEncoding]).toEqual([contentType, undefined])
  },
)

test('late events go to the partition of their own time, and those without one are rejected, each exactly once', async () => {
  const base = sinkConfig({ template: '{yyyy}-{MM}-{dd}T{hh}{mm}/{topic}.json' })
  const { bucket, name, topic, config } = await scene({ path: { ...base.path, timestampSource: 'event' } })
  const at = (time: string) => ({ ...gameEvent('acme', name), EventTimestamp: time })
  const late = at('2020-02-29T23:59:59.999Z')
  const now = at('2026-11-24T10:16:00+01:00')
  const bad = at('yesterday')
  await producer.send(topic, [late, now, bad])
  const sink = await start(config)
  await eventually(30_000, async () =>
    expect((await sink.status()).records).toEqual({ read: 3, delivered: 2, rejected: 1, filtered: 0 }),
  )
  const folders = [...(await bucket.eventIds())]
    .filter(([key]) => !isProbe(key))
    .map(([key, ids]) => [key.split('/')[0], ids])
  expect(Object.fromEntries(folders)).toEqual({ '2020-02-29T2345': [late.EventId], '2026-11-24T0915': [now.EventId] })
  const [reject] = await Promise.all((await bucket.objects('_errors/')).map(({ key }) => bucket.lines(key)))
  expect(JSON.parse(reject?.[0] ?? '')).toMatchObject({ reason: 'bad_timestamp', topic })
})

/** What a sink writes to try the bucket, before it joins its group. */
function isProbe(key: string): boolean {
  return key.startsWith('_probe/')
}
