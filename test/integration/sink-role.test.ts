import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import { S3Store } from '../../src/sink/s3-store.ts'
import { connectStack } from '../stack/remote.ts'
import { type AwsStandIn, EXTERNAL_ID, startAwsStandIn } from '../support/aws-stand-in.ts'
import { Bucket } from '../support/bucket.ts'
import { eventually } from '../support/eventually.ts'
import { createTopics, EventProducer, gameEvent, gameTopic } from '../support/game-events.ts'
import type { S3User } from '../support/s3-user.ts'
import { SinkChild, storeRevision } from '../support/sink-child.ts'
import { localBucket, localKafka, sinkConfig } from '../support/sink-process.ts'

const stack = connectStack(inject('stack'))
const { kafkaBootstrapServers } = stack
const run = Date.now().toString(36)
const KEY = '1234abcd-12ab-34cd-56ef-1234567890ab'
const children: SinkChild[] = []

let aws: AwsStandIn
let bucket: Bucket
let dir: string
let tests = 0

// AWS is a process of this machine, whatever the stack is; with containers only, there may be no Python.
describe.skipIf(stack.kind !== 'native')('a sink that takes a role on', () => {
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'revisions-'))
    aws = await startAwsStandIn()
    bucket = new Bucket({ ...aws.root, endpoint: aws.endpoint, region: aws.region }, `role-${run}`)
    await bucket.create()
  }, 120_000)

  afterEach(async () => {
    for (const child of children.splice(0)) await child.end()
  })

  afterAll(async () => {
    await aws.stop()
    await rm(dir, { recursive: true })
  })

  const s3Of = (externalId: string): SinkConfig['s3'] => ({
    ...localBucket(bucket.name, aws.region, aws.endpoint),
    assumeRole: { roleArn: aws.roleArn, externalId, sessionName: 'test.role' },
    serverSideEncryption: { type: 'aws:kms', kmsKeyId: KEY },
  })

  const envOf = ({ accessKeyId, secretAccessKey }: S3User) => ({
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_STS: aws.endpoint,
  })

  async function start(externalId: string, user = aws.user) {
    const eventName = `role-${run}-${tests++}`
    const topic = gameTopic('acme', eventName)
    await createTopics(kafkaBootstrapServers, [topic])
    const config = sinkConfig({
      connector: `test/${eventName}`,
      filter: { acme: [topic] },
      kafka: localKafka(kafkaBootstrapServers, eventName),
      s3: s3Of(externalId),
      flush: { intervalMs: 1_000, events: 100, bytes: 1_000_000 },
    })
    const revision = await storeRevision(dir, config)
    const sink = new SinkChild(['--revision', revision, '--revisions-dir', dir], envOf(user))
    children.push(sink)
    return { sink, eventName, topic }
  }

  const failed = (words: string) => ({
    state: 'FAILED',
    error: expect.stringContaining(`role ${aws.roleArn} of spec.config.assumeRole cannot be assumed: ${words}`),
  })

  it('delivers by its rights, and asks for the KMS key with each object', async () => {
    const { sink, eventName, topic } = await start(EXTERNAL_ID)
    const producer = new EventProducer(kafkaBootstrapServers)
    await producer.connect()
    await producer.send(
      topic,
      Array.from({ length: 100 }, () => gameEvent('acme', eventName)),
    )
    await producer.disconnect()
    await eventually(60_000, () => bucket.expectExactly(producer.acknowledged))
    expect(await sink.status()).toMatchObject({ state: 'ACTIVE', error: null })
    for (const { key: Key } of await bucket.objects()) {
      const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key }))
      expect([Key, head.ServerSideEncryption, head.SSEKMSKeyId]).toEqual([Key, 'aws:kms', KEY])
    }
    sink.kill('SIGTERM')
    expect(await sink.exitCode).toBe(0)
  })

  it('is told of an external id that is not the one that the role asks for', async () => {
    const { sink } = await start('another:1')
    const words = 'AccessDenied: its trust policy must allow sts:AssumeRole'
    await eventually(60_000, async () => expect(await sink.status()).toMatchObject(failed(words)))
  })

  it('is told of an access key that STS does not know, and of a secret that is not that of its key', async () => {
    const stranger = await start(EXTERNAL_ID, { ...aws.user, accessKeyId: 'AKIAUNKNOWN' })
    const forger = await start(EXTERNAL_ID, { ...aws.user, secretAccessKey: 'wrong' })
    await eventually(60_000, async () => {
      expect(await stranger.sink.status()).toMatchObject(failed('InvalidClientTokenId: '))
      expect(await forger.sink.status()).toMatchObject(failed('SignatureDoesNotMatch: '))
    })
  })

  it('writes in parts with the same credentials, and only once', async () => {
    for (const [name, value] of Object.entries(envOf(aws.user))) vi.stubEnv(name, value)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { signal } = new AbortController()
    const store = new S3Store({
      s3: s3Of(EXTERNAL_ID),
      credentialsDir: '/nowhere',
      observer: { called: () => {} },
      largestPutBytes: 1,
    })
    const chunks = Array.from({ length: 6 }, (_, i) => Buffer.alloc(1024 * 1024, String(i)))
    const object = { key: 'parts.json', chunks, crc32: crc32Of(chunks), contentType: 'a/b', metadata: { records: '6' } }
    expect([await store.createIfAbsent(object, signal), await store.createIfAbsent(object, signal)]).toEqual([
      'created',
      'exists',
    ])
    expect(await store.head('parts.json', signal)).toEqual({ metadata: { records: '6' }, sizeBytes: 6 * 1024 * 1024 })
    store.close()
  })
})
