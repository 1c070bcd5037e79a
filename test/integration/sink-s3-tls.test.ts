import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import { S3Front } from '../support/s3-front.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { localBucket, sinkConfig } from '../support/sink-process.ts'

const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
const name = `sink-tls-${Date.now().toString(36)}`
const topic = gameTopic('acme', name)
const bucket = new Bucket(s3, name)
const producer = new EventProducer(kafkaBootstrapServers)
const children: SinkChild[] = []
/** Headers of the objects that came in over TLS. */
const puts: IncomingHttpHeaders[] = []
let dir: string
let front: S3Front

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sink-tls-'))
  await Promise.all([
    makeCertificates(dir),
    bucket.create(),
    createTopics(kafkaBootstrapServers, [topic]),
    producer.connect(),
  ])
  const tls = { key: readFileSync(join(dir, 'server.key')), cert: readFileSync(join(dir, 'server.crt')) }
  const passes = ({ method, headers }: IncomingMessage) => {
    if (method === 'PUT') puts.push(headers)
    return true
  }
  // The server checks the signature that was made for https.
  front = await S3Front.to(s3.endpoint, { tls, passes })
})
afterAll(async () => {
  for (const child of children) await child.end()
  await producer.disconnect()
  front.close()
  await rm(dir, { recursive: true })
})

async function start(authority: string): Promise<SinkChild> {
  const config = sinkConfig({
    connector: `test/${name}`,
    filter: { acme: [topic] },
    kafka: { bootstrapServers: kafkaBootstrapServers.split(','), groupId: name, startFrom: 'earliest', epoch: 0 },
    s3: localBucket(bucket.name, s3.region, front.endpoint),
    flush: { intervalMs: 500, events: 100, bytes: 1_000_000 },
  })
  const child = new SinkChild(['--revision', await storeRevision(dir, config), '--revisions-dir', dir], {
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    NODE_EXTRA_CA_CERTS: join(dir, authority),
  })
  children.push(child)
  return child
}

test('a server whose certificate nobody vouches for is refused, and status says so', async () => {
  const sink = await start('other-ca.crt')
  await eventually(30_000, async () =>
    expect(await sink.status()).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(/^S3 UNABLE_TO_VERIFY_LEAF_SIGNATURE: ListObjectsV2 on bucket .*certificate/),
      partitions: 0,
    }),
  )
  expect(puts).toEqual([])
  await sink.end()
})

test('over https a body is not part of the signature but of a checksum, and arrives as it was', async () => {
  await producer.send(
    topic,
    Array.from({ length: 120 }, () => gameEvent('acme', name)),
  )
  const sink = await start('ca.crt')
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
  expect(await sink.status()).toMatchObject({ state: 'ACTIVE', error: null, records: { delivered: 120 } })
  expect(new Set(puts.map((headers) => headers['x-amz-content-sha256']))).toEqual(new Set(['UNSIGNED-PAYLOAD']))
  expect(puts.every((headers) => 'x-amz-checksum-crc32' in headers)).toBe(true)
})
