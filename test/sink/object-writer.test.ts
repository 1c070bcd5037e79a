import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { ForeignObjectError } from '../../src/sink/object-writer.ts'
import { compilePlan } from '../../src/sink/plan.ts'
import { S3Error } from '../../src/sink/s3-errors.ts'
import { settled } from '../support/fake-clock.ts'
import { TOPIC } from '../support/scripted-source.ts'
import { event, sinkConfig } from '../support/sink-process.ts'
import {
  bucket,
  clock,
  created,
  denied,
  logged,
  onBucket,
  problems,
  setOf,
  write,
  writerWith,
} from './object-writing.ts'

const slowDown = new S3Error('SlowDown', 'passing', 'S3 SlowDown: PutObject on bucket acme-events (us-west-2)')

onBucket()

/** Fails the first creates with these errors. */
function failWith(...errors: Error[]): void {
  bucket.onCreate = () => {
    const error = errors.shift()
    if (error) throw error
  }
}

test('an object says which records it holds', async () => {
  await write({ names: ['login', 'login'] })
  expect(bucket.objects.get(bucket.keys[0] ?? '')?.metadata).toEqual({
    connector: 'games/game-events',
    topic: TOPIC,
    partition: '0',
    'start-offset': '0',
    'end-offset': '2',
    epoch: '0',
    records: '2',
    bytes: String(Buffer.byteLength(`${event(0)}\n${event(1)}\n`)),
    crc32: expect.stringMatching(/^[0-9a-f]{8}$/),
    revision: compilePlan(sinkConfig()).revision,
  })
  expect(created).toEqual([bucket.objects.get(bucket.keys[0] ?? '')?.sizeBytes])
})

describe('a failure', () => {
  test('that needs a person shows at once, is retried, and is cleared by the first success', async () => {
    failWith(denied)
    const writing = write()
    await settled()
    expect(problems).toEqual([denied.message])
    await clock.advance(1_000)
    await writing
    expect(problems).toEqual([denied.message, null])
  })

  test('that passes by itself shows from the third in a row on', async () => {
    failWith(slowDown, slowDown)
    const quiet = write()
    await clock.advance(5_000)
    await quiet
    expect(problems).toEqual([])

    failWith(slowDown, slowDown, slowDown)
    const loud = write({ names: ['logout'] })
    await clock.advance(5_000)
    await loud
    expect(problems).toEqual([slowDown.message, null])
  })

  test('is retried for ever, at most fifteen seconds apart', async () => {
    let attempts = 0
    bucket.onCreate = () => {
      attempts++
      throw slowDown
    }
    const over = new AbortController()
    const writing = write({ signal: over.signal })
    await clock.advance(60_000)
    const afterAMinute = attempts
    await clock.advance(3_600_000)
    expect(attempts - afterAMinute).toBeGreaterThanOrEqual(3600 / 15 - 1)
    over.abort(new Error('over'))
    await expect(writing).rejects.toThrow('over')
  })

  test('of one object holds up no other object of the set, and the problem lasts until none fails', async () => {
    bucket.onCreate = (key) => {
      if (!key.includes('logout')) throw denied
    }
    const writing = write({ names: ['login', 'logout', 'purchase'] })
    await clock.advance(100)
    expect(bucket.keys.join()).toMatch(/^events\/logout\/[^,]*$/)
    bucket.onCreate = (key) => {
      if (key.includes('purchase')) throw denied
    }
    await clock.advance(20_000)
    expect(problems).not.toContain(null)
    bucket.onCreate = () => {}
    await clock.advance(20_000)
    await writing
    expect(problems.at(-1)).toBe(null)
    expect(created).toHaveLength(3)
  })
})

describe('in the log', () => {
  const WARN = pino.levels.values.warn
  const INFO = pino.levels.values.info
  const timeOut = new S3Error('TimeoutError', 'passing', 'S3 TimeoutError: PutObject on bucket acme-events (us-west-2)')

  test('the first failure is told at once, and the success after it with how often and how long it failed', async () => {
    failWith(slowDown, slowDown)
    const writing = write()
    await settled()
    const [key] = setOf(['login'])
      .objects()
      .map((object) => object.key)
    const warning = { level: WARN, key, error: slowDown.message, failures: 1, msg: expect.stringMatching(/trying/) }
    expect(logged).toEqual([warning])
    await clock.advance(5_000)
    await writing
    expect(logged.slice(1)).toEqual([
      { level: INFO, key, failures: 2, seconds: expect.any(Number), msg: 'written after failures' },
    ])
  })

  test('another kind of failure is told at once, the same again after a minute, however many objects fail how often', async () => {
    const names = ['login', 'logout', 'purchase']
    let error = slowDown
    bucket.onCreate = () => {
      throw error
    }
    const writing = write({ names })
    await clock.advance(30_000)
    expect(logged).toHaveLength(1)
    error = timeOut
    await clock.advance(29_000)
    expect(logged.slice(1)).toMatchObject([{ level: WARN, error: timeOut.message }])
    await clock.advance(3_600_000)
    expect(logged.length).toBeGreaterThan(45)
    expect(logged.length).toBeLessThanOrEqual(2 + 60)
    bucket.onCreate = () => {}
    await clock.advance(20_000)
    await writing
    expect(logged.filter(({ level }) => level === INFO)).toHaveLength(1)
  })

  test('there is nothing of what goes well', async () => {
    await write({ names: ['login', 'logout'] })
    expect(logged).toEqual([])
  })
})

describe('a key that is taken', () => {
  test('by the same content under another revision is done', async () => {
    await write()
    const [key] = bucket.keys
    const found = bucket.objects.get(key ?? '')
    if (found && key) bucket.objects.set(key, { ...found, metadata: { ...found.metadata, revision: 'older' } })
    await write()
    expect(created).toHaveLength(1)
  })

  test.each([
    ['ndjson', 'gzip'],
    ['parquet', 'zstd'],
  ] as const)(
    'in %s with %s by the same lines in other bytes is done: another release wrote them',
    async (format, compression) => {
      const config = sinkConfig({ format, compression })
      await write({ config })
      const [key = ''] = bucket.keys
      const { metadata = {} } = bucket.objects.get(key) ?? {}
      bucket.put(key, 'encoded by an older zlib', metadata)
      await write({ config })
      expect(created).toHaveLength(1)
      bucket.put(key, 'other lines', { ...metadata, crc32: '00000000', bytes: '1' })
      await expect(write({ config })).rejects.toThrow(/bytes is 1, not \d+; crc32 is 00000000, not/)
    },
  )

  test('by other content is an error that names what differs, at once even if another object cannot be written', async () => {
    const names = ['login', 'logout']
    const [object] = setOf(names).objects()
    bucket.put(object?.key ?? '', 'x', { connector: 'games/game-events', topic: TOPIC, partition: '0' })
    bucket.onCreate = (key) => {
      if (key.includes('logout')) throw denied
    }
    const error = await write({ names }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ForeignObjectError)
    expect(String(error)).toContain('start-offset is absent, not 0; end-offset is absent, not 2')
    expect(String(error)).toContain('size is 1, not')
    expect(String(error)).toMatch(
      /offset of this partition by a Kafka tool \(0 writes .* set spec\.kafka\.epoch to a number/,
    )
    expect(bucket.lines()).toEqual([])
  })

  test('and then is not there is tried again', async () => {
    const store = bucket.store()
    let asked = 0
    const flickering = {
      ...store,
      createIfAbsent: async (...args: Parameters<typeof store.createIfAbsent>) =>
        asked++ === 0 ? ('exists' as const) : store.createIfAbsent(...args),
    }
    const writing = write({ writer: writerWith({ store: flickering }) })
    await clock.advance(1_000)
    await writing
    expect(created).toHaveLength(1)
  })
})

test('at most sixteen objects are written at once by all sets together', async () => {
  let atOnce = 0
  let most = 0
  const gate = Promise.withResolvers<void>()
  bucket.onCreate = async () => {
    most = Math.max(most, ++atOnce)
    await gate.promise
    atOnce--
  }
  const writer = writerWith()
  const names = Array.from({ length: 20 }, (_, i) => `event${i}`)
  const writing = [names, names.map((name) => `${name}b`)].map((names) => write({ names, writer }))
  await settled()
  gate.resolve()
  await Promise.all(writing)
  expect(most).toBe(16)
  expect(created).toHaveLength(40)
})

test('a set that is given up encodes nothing more of what waits for its turn', async () => {
  let encoded = 0
  const counting = {
    encode: async (lines: readonly Buffer[]) => {
      encoded++
      return lines
    },
  }
  const given = new AbortController()
  const answered = Promise.withResolvers<void>()
  bucket.onCreate = () => answered.promise
  const names = Array.from({ length: 20 }, (_, i) => `event${i}`)
  const written = write({ names, writer: writerWith({ encoder: counting }), signal: given.signal })
  await settled()
  given.abort(new Error('given up'))
  answered.resolve()
  await expect(written).rejects.toThrow('given up')
  expect(encoded).toBe(16)
})
