import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../src/lib/logger.ts'
import { OrphanedUploads } from '../../src/sink/orphaned-uploads.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { SinkStats } from '../../src/sink/sink-stats.ts'
import { FakeBucket } from '../support/fake-bucket.ts'

let bucket: FakeBucket
let stats: SinkStats
let orphans: OrphanedUploads
const asked: string[] = []
const objects = ['a', 'b', 'c'].map((key) => ({ key, sizeBytes: 100 }))

beforeEach(() => {
  bucket = new FakeBucket()
  stats = new SinkStats()
  orphans = new OrphanedUploads({ store: bucket.store(), stats, logger: createLogger('silent') })
  asked.length = 0
})

/** Finds these numbers of uploads, or fails. */
function find(...found: (number | Error)[]): void {
  bucket.onAbortUploads = (key) => {
    asked.push(key)
    const next = found.shift() ?? 0
    if (next instanceof Error) throw next
    return next
  }
}

test('every object of a set is looked at, and what was aborted is counted', async () => {
  find(1, 0, 2)
  await orphans.abort(objects)
  expect(asked).toEqual(['a', 'b', 'c'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 3, not_permitted: 0, failed: 0 })
})

test('a failure passes: the others are looked at all the same', async () => {
  find(new S3Error('SlowDown', 'passing', 'S3 SlowDown'), 1, 0)
  await orphans.abort(objects)
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 1, not_permitted: 0, failed: 1 })
})

test('a sink that may not list or abort uploads asks once', async () => {
  find(new S3Error('AccessDenied', 'person', 'S3 AccessDenied'))
  await orphans.abort(objects)
  await orphans.abort(objects)
  expect(asked).toEqual(['a'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 0, not_permitted: 1, failed: 0 })
})
