import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../src/lib/logger.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import { OrphanedUploads } from '../../src/sink/orphaned-uploads.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { SinkStats } from '../../src/sink/sink-stats.ts'
import { FakeBucket } from '../support/fake-bucket.ts'
import { FakeClock } from '../support/fake-clock.ts'

let bucket: FakeBucket
let stats: SinkStats
let clock: FakeClock
let orphans: OrphanedUploads
const asked: string[] = []
const { signal } = new AbortController()
const slowDown = new S3Error('SlowDown', 'passing', 'S3 SlowDown')
const objects = ['a', 'b', 'c'].map((key) => ({ key, sizeBytes: 100 }))

beforeEach(() => {
  bucket = new FakeBucket()
  stats = new SinkStats()
  clock = new FakeClock()
  orphans = new OrphanedUploads({ store: bucket.store(), stats, clock, logger: createLogger('silent') })
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
  await orphans.abort(objects, signal)
  expect(asked).toEqual(['a', 'b', 'c'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 3, not_permitted: 0, failed: 0 })
})

test('a failure is tried again', async () => {
  find(slowDown, slowDown, 1, 0)
  const done = orphans.abort(objects, signal)
  await clock.advance(1_000)
  await done
  expect(asked).toEqual(['a', 'a', 'a', 'b', 'c'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 1, not_permitted: 0, failed: 0 })
})

test('a commit does not wait long for what does not pass: the others are looked at once', async () => {
  bucket.onAbortUploads = (key) => {
    asked.push(key)
    if (key === 'a') throw slowDown
    return key === 'b' ? 1 : 0
  }
  const done = orphans.abort(objects, signal)
  await clock.advance(12_000)
  await done
  expect(asked.slice(-2)).toEqual(['b', 'c'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 1, not_permitted: 0, failed: 1 })
})

test('nor for a server that does not answer, however many objects there are', async () => {
  const store: ObjectStore = {
    ...bucket.store(),
    abortUploads: (key, _sizeBytes, either) => {
      asked.push(key)
      return new Promise((_, reject) => either.addEventListener('abort', () => reject(either.reason)))
    },
  }
  const waiting = new OrphanedUploads({ store, stats, clock, logger: createLogger('silent') })
  let isDone = false
  void waiting.abort(objects, signal).then(() => {
    isDone = true
  })
  await clock.advance(9_999)
  expect(isDone).toBe(false)
  await clock.advance(1)
  expect(isDone).toBe(true)
  expect(asked).toEqual(['a'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 0, not_permitted: 0, failed: 3 })
})

test('a partition that is given up looks for nothing more', async () => {
  const over = new AbortController()
  find(slowDown)
  const done = orphans.abort(objects, over.signal)
  over.abort()
  await done
  expect(asked).toEqual(['a'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 0, not_permitted: 0, failed: 0 })
})

test('a sink that may not list or abort uploads asks no more, until somebody may have let it', async () => {
  find(new S3Error('AccessDenied', 'person', 'S3 AccessDenied'), 1)
  await orphans.abort(objects, signal)
  await orphans.abort(objects, signal)
  expect(asked).toEqual(['a'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 0, not_permitted: 1, failed: 0 })
  await clock.advance(600_000)
  await orphans.abort(objects, signal)
  expect(asked).toEqual(['a', 'a', 'b', 'c'])
  expect(Object.fromEntries(stats.orphanedUploads)).toEqual({ aborted: 1, not_permitted: 1, failed: 0 })
})
