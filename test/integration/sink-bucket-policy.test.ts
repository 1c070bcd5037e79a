/** The bucket policy that the product hands out is enough, on a server that enforces it. */
import { ListMultipartUploadsCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import pino from 'pino'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { checkBucket } from '../../src/sink/bucket-check.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { BodyEncoder } from '../../src/sink/encode/body-encoder.ts'
import { ObjectWriter } from '../../src/sink/object-writer.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import type { S3Error } from '../../src/sink/s3-errors.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { RecordSet } from '../../src/sink/set.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'
import { createS3User } from '../support/s3-user.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { sinkConfig } from '../support/sink-process.ts'

const ACTIONS = ['s3:ListBucket', 's3:GetBucketLocation', 's3:GetObject', 's3:GetObjectVersion', 's3:PutObject']

const { s3 } = connectStack(inject('stack'))
const { signal } = new AbortController()
const bucket = new Bucket(s3, `policy-${Date.now().toString(36)}`)
const user = { accessKeyId: `writer-${Date.now().toString(36)}`, secretAccessKey: 'writer-secret' }
const denied: string[] = []
let store: S3Store

beforeAll(async () => {
  await bucket.create()
  await createS3User(bucket.client, user)
  process.env.AWS_ACCESS_KEY_ID = user.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = user.secretAccessKey
  store = new S3Store({
    s3: s3Config(),
    credentialsDir: '/nowhere',
    observer: { called: (operation, _ms, error) => error?.code === 'AccessDenied' && denied.push(operation) },
  })
})
afterAll(() => store.close())

function s3Config() {
  return {
    ...sinkConfig().s3,
    bucketName: bucket.name,
    region: s3.region,
    endpoint: s3.endpoint,
    forcePathStyle: true,
  }
}

const object = (key: string, mebibytes = 0) => {
  const chunks = [Buffer.from('first\n'), ...Array.from({ length: mebibytes }, () => Buffer.alloc(1024 * 1024, 'x'))]
  return { key, chunks, crc32: crc32Of(chunks), contentType: 'application/x-ndjson', metadata: { records: '1' } }
}

test('without a policy the bucket is closed to a user who does not own it', async () => {
  const error = await store.createIfAbsent(object('closed.json'), signal).catch((thrown: S3Error) => thrown)
  expect(error).toMatchObject({ code: 'AccessDenied', kind: 'person' })
})

async function allow(Action: readonly string[]): Promise<void> {
  const Statement = [
    {
      Sid: 'AccelByteAnalyticsConnector',
      Effect: 'Allow',
      Principal: { AWS: [user.accessKeyId] },
      Action,
      Resource: [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`],
    },
  ]
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
  await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }))
}

/** Tries to write a set of megabytes until a problem shows. */
async function problemWith(megabytes: number): Promise<string> {
  const set = new RecordSet(compilePlan(sinkConfig()), TOPIC, 0, 0n, new SlabPool(0))
  const line = JSON.stringify({ EventNamespace: 'acme', EventName: 'login', text: 'x'.repeat(1_000_000) })
  const log = new ScriptedPartition().append(...Array.from({ length: megabytes }, () => line))
  for (const record of log.records) set.add(record, 0)
  const writer = new ObjectWriter({
    store,
    encoder: new BodyEncoder(),
    clock: systemClock,
    logger: pino({ enabled: false }),
    connector: 'games/c',
    checkBucket: (signal) => checkBucket(store, { connector: 'games/c', s3: s3Config() }, signal),
  })
  const shown = Promise.withResolvers<string>()
  const given = new AbortController()
  const problem = (error: string | null) => shown.resolve(String(error))
  const writing = writer.write({ set, objects: set.objects(), isPartial: false }, given.signal, {
    objectCreated: () => {},
    problem,
  })
  const error = await Promise.race([shown.promise, writing.then(() => 'written')])
  given.abort()
  await writing.catch(() => {})
  return error
}

test('a permission that is missing is told also where the server ends the connection over megabytes that it refuses', async () => {
  await allow(ACTIONS.filter((action) => action !== 's3:PutObject'))
  expect(await problemWith(30)).toMatch(/^S3 AccessDenied: PutObject on bucket .*: s3:PutObject must be allowed/)
})

test('with the five actions everything works that the sink does: the check, writes in one piece and in parts, comparing', async () => {
  await allow(ACTIONS)
  denied.length = 0
  for (let start = 0; start < 2; start++) await checkBucket(store, { connector: 'games/c', s3: s3Config() }, signal)
  expect(await store.createIfAbsent(object('small.json'), signal)).toBe('created')
  expect(await store.createIfAbsent(object('small.json'), signal)).toBe('exists')
  expect(await store.createIfAbsent(object('large.json', 65), signal)).toBe('created')
  expect(await store.head('small.json', signal)).toMatchObject({ sizeBytes: 6, metadata: { records: '1' } })
  expect(await store.head('nothing.json', signal)).toBe(null)
  expect(denied).toEqual([])
})

test('parts that may not be given free are left, which changes nothing else', async () => {
  expect(await store.createIfAbsent(object('large.json', 65), signal)).toBe('exists')
  await expect.poll(() => denied).toEqual(['AbortMultipartUpload'])
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }))
  expect(Uploads.map(({ Key }) => Key)).toEqual(['large.json'])
  const lookedFor = store.abortUploads('large.json', 100 * 1024 * 1024, signal)
  await expect(lookedFor).rejects.toMatchObject({ code: 'AccessDenied' })
})

test('with two more actions the next sink aborts what was left', async () => {
  await allow([...ACTIONS, 's3:ListBucketMultipartUploads', 's3:AbortMultipartUpload'])
  expect(await store.abortUploads('large.json', 100 * 1024 * 1024, signal)).toBe(1)
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }))
  expect(Uploads).toEqual([])
})
