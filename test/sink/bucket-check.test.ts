import { expect, test } from 'vitest'
import { failureReasonOf } from '../../src/contract/failure-reason.ts'
import { checkBucket, probeKey } from '../../src/sink/bucket-check.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { sinkConfig } from '../support/sink-process.ts'

const config = sinkConfig()
const KEY = probeKey(config.connector)
const { signal } = new AbortController()
const check = (bucket: FakeBucket, changes: Partial<ObjectStore> = {}) =>
  checkBucket({ ...bucket.store(), ...changes }, config, signal).then(
    () => null,
    (error: S3Error) => error,
  )

test('the first start writes the probe and is refused to write it again, the later ones are only refused', async () => {
  const bucket = new FakeBucket()
  expect(await check(bucket)).toBe(null)
  expect([bucket.keys, bucket.creates]).toEqual([[KEY], 2])
  for (let start = 0; start < 3; start++) expect(await check(bucket)).toBe(null)
  expect([bucket.keys, bucket.creates]).toEqual([[KEY], 5])
})

test('the probe is no data: empty, and by an underscore hidden from Athena, Spark and Hive at every level', async () => {
  const bucket = new FakeBucket()
  await check(bucket)
  expect(KEY).toMatch(/^_[^/]*\/.*\/_[^/]*$/)
  expect(bucket.objects.get(KEY)?.sizeBytes).toBe(0)
})

test('a server that writes over what is there is refused, by a line that says what is missing', async () => {
  const error = await check(new FakeBucket(), { createIfAbsent: async () => 'created' })
  expect(error).toMatchObject({ code: 'ConditionalWriteIgnored', kind: 'person' })
  expect(error?.message).toContain(`object ${KEY} of bucket acme-events (us-west-2): the server wrote over it although`)
  expect(failureReasonOf(error?.message ?? '')).toBe('BucketUnsuitable')
})

test('a server that loses metadata is refused: objects could not be recognised', async () => {
  const bucket = new FakeBucket()
  const error = await check(bucket, { head: async () => ({ metadata: {}, sizeBytes: 0 }) })
  expect(error).toMatchObject({ code: 'MetadataMissing', kind: 'person' })
})

test('pods that start at once do not stand in each other’s way', async () => {
  const bucket = new FakeBucket()
  const conflict = new S3Error('ConditionalRequestConflict', 'passing', 'S3 ConditionalRequestConflict')
  let first = true
  bucket.afterCreate = () => {
    if (first) throw conflict
    first = false
  }
  expect(await check(bucket)).toBe(null)
  const others = new FakeBucket()
  expect(await Promise.all([check(others), check(others), check(others)])).toEqual([null, null, null])
})

test('what fails is passed on as it is: the list, the write, the look', async () => {
  const refuse = (code: string) => async () => {
    throw new S3Error(code, 'person', code)
  }
  const calls: [string, Partial<ObjectStore>][] = [
    ['NoSuchBucket', { checkBucket: refuse('NoSuchBucket') }],
    ['AccessDenied', { createIfAbsent: refuse('AccessDenied') }],
    ['AccessDenied', { head: refuse('AccessDenied') }],
  ]
  for (const [code, changes] of calls) expect(await check(new FakeBucket(), changes)).toMatchObject({ code })
})
