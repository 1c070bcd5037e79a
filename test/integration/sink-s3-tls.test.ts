import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { splitIntoParts } from '../../src/sink/s3-multipart.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import { S3Front } from '../support/s3-front.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { localBucket, localKafka, sinkConfig } from '../support/sink-process.ts'

const { s3, kafkaBootstrapServers } = connectStack(inject('stack'))
const name = `sink-tls-${Date.now().toString(36)}`
const topic = gameTopic('acme', name)
const bucket = new Bucket(s3, name)
const producer = new EventProducer(kafkaBootstrapServers)
const children: SinkChild[] = []
const stores: S3Store[] = []
/** Headers of the objects, and parts of objects, that came in over TLS. */
const puts: IncomingHttpHeaders[] = []
const { signal } = new AbortController()
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
  for (const store of stores) store.close()
  await producer.disconnect()
  front.close()
  await rm(dir, { recursive: true })
})

type TlsSettings = Pick<SinkConfig['s3'], 'endpoint' | 'authorities'>

/** Folder of the mounted Secret of `spec.config.tls.caSecretRef`; empty while there is none. */
async function authoritiesDir(): Promise<string> {
  const folder = join(dir, 'authorities')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  return folder
}

async function storeTo(settings: TlsSettings, largestPutBytes?: number): Promise<S3Store> {
  const store = new S3Store({
    s3: { ...localBucket(bucket.name, s3.region, front.endpoint), credentials: 'mounted', ...settings },
    credentialsDir: await credentials(),
    authoritiesDir: await rightAuthority(),
    observer: { called: () => {} },
    ...(largestPutBytes === undefined ? {} : { largestPutBytes }),
  })
  stores.push(store)
  return store
}

async function start(settings: TlsSettings, authorities: string): Promise<SinkChild> {
  const config = sinkConfig({
    connector: `test/${name}`,
    filter: { acme: [topic] },
    kafka: localKafka(kafkaBootstrapServers, name),
    s3: { ...localBucket(bucket.name, s3.region, front.endpoint), ...settings },
    flush: { intervalMs: 500, events: 100, bytes: 1_000_000 },
  })
  const child = new SinkChild(
    ['--revision', await storeRevision(dir, config), '--revisions-dir', dir, '--s3-authorities-dir', authorities],
    { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey },
  )
  children.push(child)
  return child
}

const says = (sink: SinkChild, error: RegExp) =>
  eventually(30_000, async () =>
    expect(await sink.status()).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(error),
      partitions: 0,
    }),
  )

/** It says so a moment after the objects are there: the end of their set is committed then. */
const hasDelivered = (sink: SinkChild, delivered: number) =>
  eventually(10_000, async () =>
    expect(await sink.status()).toMatchObject({ state: 'ACTIVE', error: null, records: { delivered } }),
  )

test.each([
  [
    'a server whose certificate nobody vouches for',
    () => front.endpoint,
    /certificate.*: name its own by spec\.config\.tls\.caSecretRef$/,
  ],
  [
    'http:// to a server that expects TLS',
    () => front.endpoint.replace('https', 'http'),
    /may expect https:\/\/: see spec\.config\.endpoint/,
  ],
  [
    'https:// to one without TLS',
    () => s3.endpoint.replace('http', 'https'),
    /wrong version number: the server may not speak TLS: see spec\.config\.endpoint/,
  ],
])('%s fails, and the error names the field', async (_what, endpoint, words) => {
  const store = await storeTo({ endpoint: endpoint() })
  await expect(store.checkBucket(signal)).rejects.toThrow(words)
  expect(puts).toEqual([])
})

test('the authority is missing, no certificate, another one, the right one: told by name until it is right, without a restart', async () => {
  await produce(60)
  const folder = await authoritiesDir()
  const file = join(folder, 'ca.crt')
  const sink = await start({ authorities: 'mounted' }, folder)
  await says(
    sink,
    /^S3 AuthoritiesMissing: .*the Secret of spec\.config\.tls\.caSecretRef is missing or has no key for ca\.crt/,
  )
  await writeFile(file, 'no certificate')
  await says(sink, /spec\.config\.tls\.caSecretRef has for ca\.crt is no certificate \(PEM\)$/)
  await copyFile(join(dir, 'other-ca.crt'), file)
  await says(sink, /certificate.*: name its own by spec\.config\.tls\.caSecretRef$/)
  expect(puts).toEqual([])
  await copyFile(join(dir, 'ca.crt'), file)
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
  await hasDelivered(sink, 60)
  sink.kill('SIGTERM')
  expect(await sink.exitCode).toBe(0)
})

async function rightAuthority(): Promise<string> {
  const folder = await authoritiesDir()
  await copyFile(join(dir, 'ca.crt'), join(folder, 'ca.crt'))
  return folder
}

async function credentials(): Promise<string> {
  const folder = await mkdtemp(join(dir, 'credentials-'))
  await writeFile(join(folder, 'AWS_ACCESS_KEY_ID'), s3.accessKeyId)
  await writeFile(join(folder, 'AWS_SECRET_ACCESS_KEY'), s3.secretAccessKey)
  return folder
}

const produce = (count: number) =>
  producer.send(
    topic,
    Array.from({ length: count }, () => gameEvent('acme', name)),
  )

test('over https a body is not part of the signature but of a checksum, and arrives as it was', async () => {
  puts.length = 0
  await produce(120)
  const sink = await start({ authorities: 'mounted' }, await rightAuthority())
  await eventually(30_000, () => bucket.expectExactly(producer.acknowledged))
  await hasDelivered(sink, 120)
  expect(new Set(puts.map((headers) => headers['x-amz-content-sha256']))).toEqual(new Set(['UNSIGNED-PAYLOAD']))
  expect(puts.every((headers) => 'x-amz-checksum-crc32' in headers)).toBe(true)
  await sink.end()
})

test('over https an object in parts arrives record by record, each part with its checksum and signed by its hash', async () => {
  puts.length = 0
  const PART_BYTES = 5_242_880
  const store = await storeTo({ endpoint: front.endpoint, authorities: 'mounted' }, PART_BYTES)
  const lines = Array.from({ length: 3_500 }, (_, id) =>
    JSON.stringify({ id, text: String.fromCharCode(97 + (id % 26)).repeat(id * 2) }),
  )
  const body = Buffer.from(`${lines.join('\n')}\n`)
  // Pieces that end neither with a line nor with a part.
  const chunks = Array.from({ length: Math.ceil(body.length / 99_991) }, (_, i) =>
    body.subarray(i * 99_991, (i + 1) * 99_991),
  )
  const object = {
    key: 'parts.json',
    chunks,
    crc32: crc32Of(chunks),
    contentType: 'application/x-ndjson',
    metadata: {},
  }
  expect(await store.createIfAbsent(object, signal)).toBe('created')
  expect(await store.createIfAbsent(object, signal)).toBe('exists')
  expect(await bucket.lines('parts.json')).toEqual(lines)
  const parts = splitIntoParts(chunks, PART_BYTES).map((part) => Buffer.concat(part))
  expect(parts.map(({ length }) => length)).toEqual([PART_BYTES, PART_BYTES, body.length - 2 * PART_BYTES])
  const hashes = (headers: IncomingHttpHeaders) => headers['x-amz-content-sha256']
  const [first, second] = [puts.slice(0, 3), puts.slice(3)]
  expect(first.map(hashes).sort()).toEqual(parts.map((part) => hash('sha256', part)).sort())
  expect(second.map(hashes).sort()).toEqual(first.map(hashes).sort())
  expect(puts.every((headers) => 'x-amz-checksum-crc32' in headers)).toBe(true)
})
