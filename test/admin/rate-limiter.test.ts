import { expect, it } from 'vitest'
import { RateLimiter } from '../../src/admin/rate-limiter.ts'
import { FakeClock } from '../support/fake-clock.ts'

it('lets a burst through, and then as many as time has passed', async () => {
  const clock = new FakeClock()
  const limiter = new RateLimiter({ perSecond: 2, burst: 3 }, clock)
  const taken = (times: number) => Array.from({ length: times }, () => limiter.take('client')).filter((ms) => ms === 0)
  expect(taken(5)).toHaveLength(3)
  await clock.advance(1_000)
  expect(taken(5)).toHaveLength(2)
  expect(limiter.take('client')).toBe(500)
})

it('makes nobody wait because the machine’s clock is set back', () => {
  const clock = new FakeClock()
  const limiter = new RateLimiter({ perSecond: 2, burst: 3 }, clock)
  limiter.take('client')
  clock.set(-3_600_000)
  expect(limiter.take('client')).toBe(0)
})
