import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { SinkConfig } from '../../src/contract/sink-config.ts'
import { crc32Of } from '../../src/sink/byte-log.ts'
import type { NewObject } from '../../src/sink/object-store.ts'
import type { S3Error } from '../../src/sink/s3-errors.ts'
import { S3Store, type S3StoreOptions } from '../../src/sink/s3-store.ts'
import { connectStack } from '../stack/remote.ts'
import { Bucket } from '../support/bucket.ts'

const stack = connectStack(inject('stack'))
const { signal } = new AbortController()
const bucket = new Bucket(stack.s3, `sink-store-${Date.now().toString(36)}`)
const calls: string[] = []
const stores: S3Store[] = []
let credentialsDir: string

beforeAll(async () => {
  credentialsDir = await mkdtemp(join(tmpdir(), 'credentials-'))
  await writeCredentials(stack.s3.accessKeyId, stack.s3.secretAccessKey)
  await bucket.create()
})

afterAll(async () => {
  for (const store of stores) store.close()
  await rm(credentialsDir, { recursive: true })
})

async function writeCredentials(accessKeyId: string, secretAccessKey: string): Promise<void> {
  await writeFile(join(credentialsDir, 'AWS_ACCESS_KEY_ID'), accessKeyId)
  await writeFile(join(credentialsDir, 'AWS_SECRET_ACCESS_KEY'), secretAccessKey)
}

function storeOf(changes: Partial<SinkConfig['s3']> = {}, options: Partial<S3StoreOptions> = {}): S3Store {
  const store = new S3Store({
    s3: {
      bucketName: bucket.name,
      region: stack.s3.region,
      endpoint: stack.s3.endpoint,
      forcePathStyle: true,
      partSizeBytes: 5_242_880,
      credentials: 'mounted',
      requestChecksumCalculation: 'when_supported',
      ...changes,
    },
    credentialsDir,
    observer: { called: (operation) => calls.push(operation) },
    ...options,
  })
  stores.push(store)
  return store
}

function object(key: string, ...chunks: (string | Buffer)[]): NewObject {
  const bodies = chunks.map((chunk) => Buffer.from(chunk as string))
  return {
    key,
    chunks: bodies,
    crc32: crc32Of(bodies),
    contentType: 'application/x-ndjson',
    metadata: { 'start-offset': '7', crc32: 'cbf43926' },
  }
}

/** S3 may answer so while another write of the same name is under way; the writer then tries again. */
function unlessConflict(error: S3Error): string {
  if (error.code !== 'ConditionalRequestConflict') throw error
  return error.code
}

async function bodyOf(key: string): Promise<Buffer> {
  const { Body } = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

describe('creating an object', () => {
  it('writes its chunks one after the other, with metadata', async () => {
    const store = storeOf()
    expect(await store.createIfAbsent(object('a/one.json', '{"a":1}\n', '{"a":2}\n'), signal)).toBe('created')
    expect((await bodyOf('a/one.json')).toString()).toBe('{"a":1}\n{"a":2}\n')
    expect(await store.head('a/one.json', signal)).toEqual({
      sizeBytes: 16,
      metadata: { 'start-offset': '7', crc32: 'cbf43926' },
    })
  })

  it('leaves one that exists as it is', async () => {
    const store = storeOf()
    await store.createIfAbsent(object('a/two.json', 'first\n'), signal)
    expect(await store.createIfAbsent(object('a/two.json', 'second\n'), signal)).toBe('exists')
    expect((await bodyOf('a/two.json')).toString()).toBe('first\n')
  })

  it('finds one that exists, however much of the body the server leaves unread before it refuses it', async () => {
    const [store, megabyte] = [storeOf(), Buffer.alloc(1_000_000, 'x')]
    const outcomes: string[] = []
    for (const megabytes of [8, 30])
      for (let attempt = 0; attempt < 4; attempt++) {
        const chunks = Array.from({ length: megabytes }, () => megabyte)
        outcomes.push(await store.createIfAbsent(object(`a/${megabytes}.json`, ...chunks), signal))
      }
    expect(outcomes).toEqual(['created', 'exists', 'exists', 'exists', 'created', 'exists', 'exists', 'exists'])
  })

  it.each([
    ['in one piece', {}],
    ['in parts', { largestPutBytes: 1 }],
  ])('has one winner when many try at once, %s', async (how, options) => {
    const [store, key] = [storeOf({}, options), `a/race ${how}.json`]
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.createIfAbsent(object(key, `${i}\n`), signal).catch(unlessConflict)),
    )
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
    expect((await bodyOf(key)).toString()).toBe(`${outcomes.indexOf('created')}\n`)
  })

  it('is refused where the body is not that of the checksum', async () => {
    const damaged = { ...object('a/damaged.json', 'x\n'), crc32: crc32Of(['y\n']) }
    await expect(storeOf().createIfAbsent(damaged, signal)).rejects.toThrow(/PutObject/)
    expect(await storeOf().head('a/damaged.json', signal)).toBe(null)
  })

  it('keeps characters that are special in a URL', async () => {
    const key = 'a/event=%2F/name with (odd) @topic+.json'
    await storeOf().createIfAbsent(object(key, 'x\n'), signal)
    expect((await bucket.objects('a/event')).map((each) => each.key)).toEqual([key])
  })
})

describe('an object above 64 MiB', () => {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const large = (key: string) =>
    object(key, ...Array.from({ length: 65 }, (_, i) => Buffer.concat([Buffer.of(i), chunk])))

  it('goes up in parts and is whole, with metadata', async () => {
    calls.length = 0
    const wanted = large('b/large.json')
    expect(await storeOf().createIfAbsent(wanted, signal)).toBe('created')
    expect(calls.filter((operation) => operation === 'UploadPart')).toHaveLength(14)
    expect((await bodyOf('b/large.json')).equals(Buffer.concat(wanted.chunks))).toBe(true)
    expect((await storeOf().head('b/large.json', signal))?.metadata).toEqual(wanted.metadata)
  })

  it('does not replace one that exists', async () => {
    await storeOf().createIfAbsent(object('b/taken.json', 'first\n'), signal)
    expect(await storeOf().createIfAbsent(large('b/taken.json'), signal)).toBe('exists')
    expect((await bodyOf('b/taken.json')).toString()).toBe('first\n')
  })
})

describe('uploads that somebody has left behind', () => {
  const begin = async (key: string) => {
    const { UploadId } = await bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key }))
    await bucket.client.send(
      new UploadPartCommand({ Bucket: bucket.name, Key: key, UploadId, PartNumber: 1, Body: 'x' }),
    )
  }
  const left = async () => {
    const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }))
    return Uploads.map(({ Key }) => Key)
  }
  const LARGE = 100 * 1024 * 1024

  it('are aborted under exactly the key, and what is there stays', async () => {
    const store = storeOf()
    await store.createIfAbsent(object('d/left.json', 'x\n'), signal)
    await begin('d/left.json')
    await begin('d/left.json')
    await begin('d/left.json.gz')
    expect(await store.abortUploads('d/left.json', LARGE, signal)).toBe(2)
    expect(await left()).toEqual(['d/left.json.gz'])
    expect((await bodyOf('d/left.json')).toString()).toBe('x\n')
    expect(await store.abortUploads('d/left.json.gz', LARGE, signal)).toBe(1)
    expect(await left()).toEqual([])
  })

  it('are not asked for where the lines are too few for parts', async () => {
    calls.length = 0
    expect(await storeOf().abortUploads('d/small.json', 1_000, signal)).toBe(0)
    expect(calls).toEqual([])
  })
})

describe('what fails', () => {
  const check = (changes: Partial<SinkConfig['s3']>) =>
    storeOf(changes)
      .checkBucket(signal)
      .catch((error: S3Error) => error)

  it('is nothing while the bucket is there', async () => {
    expect(await check({})).toBe(undefined)
  })

  it('says that there is no such bucket', async () => {
    const missing = { bucketName: 'no-such-bucket-at-all' }
    const message = (operation: string) =>
      `S3 NoSuchBucket: ${operation} on bucket no-such-bucket-at-all (${stack.s3.region}): there is no such bucket: see spec.config.bucketName`
    expect(await check(missing)).toMatchObject({ kind: 'person', message: message('ListObjectsV2') })
    await expect(storeOf(missing).createIfAbsent(object('x', 'x'), signal)).rejects.toThrow(message('PutObject'))
  })

  it('says that no server answers, and where', async () => {
    const server: Server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const error = await check({ endpoint: `http://127.0.0.1:${port}` })
    expect(error).toMatchObject({ kind: 'passing', message: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${port}`) })
  })

  it('says that the secret is wrong without showing it, and works as soon as the right one is mounted', async () => {
    await writeCredentials(stack.s3.accessKeyId, 'not-the-secret')
    const store = storeOf()
    const failed = await store.checkBucket(signal).catch((error: S3Error) => error)
    expect(failed).toMatchObject({ code: 'SignatureDoesNotMatch', kind: 'person' })
    expect(String(failed)).not.toContain('not-the-secret')
    await writeCredentials(stack.s3.accessKeyId, stack.s3.secretAccessKey)
    await new Promise((resolve) => setTimeout(resolve, 10_500))
    await store.checkBucket(signal)
  })

  it('ends at once when it is aborted', async () => {
    const over = new AbortController()
    const writing = storeOf().createIfAbsent(object('c/late.json', 'x\n'), over.signal)
    over.abort()
    await expect(writing).rejects.toThrow(/abort/i)
  })
})
