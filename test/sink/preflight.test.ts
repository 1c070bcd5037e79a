import { expect, test } from 'vitest'
import { preflight } from '../../src/sink/preflight.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

function failing(times: number) {
  return async () => {
    if (times-- > 0) throw new Error('S3 NoSuchBucket')
  }
}

test('each failure is told and tried again until it holds, at most fifteen seconds apart', async () => {
  const clock = new FakeClock()
  const told: (string | null)[] = []
  const done = preflight([{ concern: 'bucket', run: failing(6) }], clock, new AbortController().signal, (_, error) =>
    told.push(error),
  )
  await clock.advance(60_000)
  expect(await done).toBe(true)
  expect(told).toEqual([...Array(6).fill('S3 NoSuchBucket'), null])
})

test('a check is not run before the one ahead of it holds', async () => {
  const clock = new FakeClock()
  const ran: string[] = []
  const checks = [
    { concern: 'first', run: failing(1) },
    { concern: 'second', run: async () => void ran.push('second') },
  ]
  const done = preflight(checks, clock, new AbortController().signal, () => {})
  await settled()
  expect(ran).toEqual([])
  await clock.advance(1_000)
  expect([await done, ran]).toEqual([true, ['second']])
})

test('a shutdown ends the waiting at once', async () => {
  const shutdown = new AbortController()
  const done = preflight([{ concern: 'bucket', run: failing(99) }], new FakeClock(), shutdown.signal, () => {})
  await settled()
  shutdown.abort()
  expect(await done).toBe(false)
})

test('a shutdown does not wait for a check that is not answered', async () => {
  const shutdown = new AbortController()
  const told: (string | null)[] = []
  const unanswered = { concern: 'kafka', run: () => new Promise<void>(() => {}) }
  const done = preflight([unanswered], new FakeClock(), shutdown.signal, (_, error) => told.push(error))
  await settled()
  shutdown.abort()
  expect([await done, told]).toEqual([false, []])
})
