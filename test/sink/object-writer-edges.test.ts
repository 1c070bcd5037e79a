import { describe, expect, test } from 'vitest'
import { crc32Of } from '../../src/sink/byte-log.ts'
import type { ObjectStore } from '../../src/sink/object-store.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { settled } from '../support/fake-clock.ts'
import { sinkConfig } from '../support/sink-process.ts'
import { bucket, clock, denied, onBucket, problems, write, writerWith } from './object-writing.ts'

onBucket()

/** The name is taken by the same, but for one field of its metadata. */
async function takenBut(field: string): Promise<void> {
  await write()
  const [key = ''] = bucket.keys
  const { body = '', metadata = {} } = bucket.objects.get(key) ?? {}
  bucket.put(key, body, { ...metadata, [field]: 'other' })
}

describe('an object that is there is not ours', () => {
  test.each(['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'records', 'bytes', 'crc32'])(
    'where its %s is another',
    async (field) => {
      await takenBut(field)
      await expect(write()).rejects.toThrow(`is not this set's: ${field} is other, not `)
    },
  )

  test.each(['connector', 'topic', 'partition', 'start-offset', 'end-offset', 'revision'])(
    'where its %s is another, also when some of its records have expired',
    async (field) => {
      await takenBut(field)
      await expect(write({ isPartial: true })).rejects.toThrow(`is not this set's: ${field} is other, not `)
    },
  )

  test('where its body is of another size', async () => {
    await write()
    const [key = ''] = bucket.keys
    bucket.put(key, 'cut', bucket.objects.get(key)?.metadata)
    await expect(write()).rejects.toThrow(/is not this set's: size is 3, not \d+/)
  })
})

test.each(['records', 'bytes', 'crc32'])(
  'one that has more of a set of which some has expired is ours, though its %s is another',
  async (field) => {
    await takenBut(field)
    expect(await write({ isPartial: true })).toHaveLength(1)
  },
)

test('nobody is told that a set cannot be written while a request for it is under way: its memory is still read', async () => {
  await write({ names: ['login'] })
  const [key = ''] = bucket.keys
  bucket.put(key, 'not ours')
  const answered = Promise.withResolvers<void>()
  bucket.onCreate = (each) => (each === key ? undefined : answered.promise)
  let isTold = false
  const writing = write({ names: ['login', 'logout'] }).catch((error: Error) => {
    isTold = true
    return error.message
  })
  await settled()
  await settled()
  expect(isTold).toBe(false)
  answered.resolve()
  expect(await writing).toContain('exists and is not this set')
})

test('a failure that comes after a set was given up is no problem', async () => {
  const [given, answered] = [new AbortController(), Promise.withResolvers<void>()]
  bucket.onCreate = () => answered.promise
  const writing = write({ signal: given.signal })
  await settled()
  given.abort(new Error('given up'))
  answered.reject(denied)
  await expect(writing).rejects.toThrow()
  expect(problems).toEqual([])
})

describe('a connection that is closed over a body, time and again,', () => {
  const cut = new S3Error('ECONNRESET', 'passing', 'S3 ECONNRESET: PutObject: read ECONNRESET', false)
  const afterCuts = async (checkBucket: () => Promise<void>) => {
    const failures = [cut, cut, cut]
    bucket.onCreate = () => {
      const failure = failures.pop()
      if (failure) throw failure
    }
    const writing = write({ writer: writerWith({ checkBucket }) })
    await clock.advance(5_000)
    await writing
    return problems
  }

  test('is told by what the bucket refuses without one', async () => {
    const shown = await afterCuts(async () => {
      throw denied
    })
    expect(shown).toEqual([denied.message, denied.message, null])
  })

  test('is told as such where the bucket refuses nothing, or cannot be asked either', async () => {
    expect(await afterCuts(async () => {})).toEqual([cut.message, null])
    problems.length = 0
    const asked = await afterCuts(async () => {
      throw new S3Error('ECONNREFUSED', 'passing', 'S3 ECONNREFUSED: ListObjectsV2', false)
    })
    expect(asked).toEqual([cut.message, null])
  })
})

test('an object that was created at the second attempt may have left an upload at the first', async () => {
  let failures = 1
  bucket.onCreate = () => {
    if (failures-- > 0) throw denied
  }
  const writing = write({ names: ['login', 'logout'] })
  await clock.advance(1_000)
  const [doubtful, ...others] = await writing
  expect(doubtful?.key).toContain('login')
  expect(others).toEqual([])
})

test.each(['none', 'gzip'] as const)(
  'the checksum that S3 is to compare is that of the body (%s)',
  async (compression) => {
    const store = bucket.store()
    const sums: [string, string][] = []
    const checking: ObjectStore = {
      ...store,
      createIfAbsent: (object, signal) => {
        sums.push([object.crc32, crc32Of(object.chunks)])
        return store.createIfAbsent(object, signal)
      },
    }
    await write({ config: sinkConfig({ compression }), writer: writerWith({ store: checking }) })
    expect(sums).toHaveLength(1)
    for (const [told, found] of sums) expect(told).toBe(found)
  },
)
