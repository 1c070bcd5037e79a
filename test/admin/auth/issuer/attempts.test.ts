import { beforeEach, expect, it } from 'vitest'
import { Attempts } from '../../../../src/admin/auth/issuer/attempts.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

let clock: FakeClock
let attempts: Attempts
beforeEach(() => {
  clock = new FakeClock()
  attempts = new Attempts(clock)
})

/** Attempts that fail, without waiting. @returns how many were let through */
function fail(count: number, clientId: (i: number) => string, address: (i: number) => string): number {
  return Array.from({ length: count }, (_, i) => attempts.begin(clientId(i), address(i))).filter((wait) => wait === 0)
    .length
}
const one = () => 'client-1'
const here = () => '10.0.0.1'

it('lets ten wrong secrets through and then makes wait, twice as long each time, up to a quarter of an hour', async () => {
  expect(fail(20, one, here)).toBe(11)
  const waits = []
  for (let i = 0; i < 12; i++) {
    waits.push(attempts.begin('client-1', '10.0.0.1') / 1000)
    await clock.advance(attempts.begin('client-1', '10.0.0.1'))
    expect(attempts.begin('client-1', '10.0.0.1')).toBe(0)
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
})

it('does not lock the client out at other addresses', () => {
  fail(20, one, here)
  expect(attempts.begin('client-1', '10.0.0.2')).toBe(0)
})

it('slows down an address that tries many clients, for half a minute at most', async () => {
  expect(fail(200, (i) => `client-${i}`, here)).toBe(51)
  for (let i = 0; i < 10; i++) await clock.advance(attempts.begin(`other-${i}`, '10.0.0.1'))
  fail(1, () => 'last', here)
  expect(attempts.begin('client', '10.0.0.1')).toBeLessThanOrEqual(30_000)
})

it('forgets failures when the secret was right', () => {
  for (let i = 0; i < 100; i++) {
    fail(9, one, (n) => `10.0.${i}.${n}`)
    expect(attempts.begin('client-1', '10.0.0.1')).toBe(0)
    attempts.succeeded('client-1', '10.0.0.1')
  }
})

it("does not let one's own client buy attempts at others", () => {
  let through = 0
  for (let i = 0; i < 200; i++) {
    through += fail(1, () => `victim-${i}`, here)
    if (attempts.begin('mine', '10.0.0.1') === 0) attempts.succeeded('mine', '10.0.0.1')
  }
  expect(through).toBeLessThanOrEqual(51)
})

it('does not count what could not be decided', () => {
  for (let i = 0; i < 100; i++) {
    expect(attempts.begin('client-1', '10.0.0.1')).toBe(0)
    attempts.undecided('client-1', '10.0.0.1')
  }
})

it('counts those that are still being compared', () => {
  expect(fail(1_000, one, here)).toBe(11)
})

it('forgets in an hour', async () => {
  fail(20, one, here)
  await clock.advance(60 * 60_000)
  expect(fail(20, one, here)).toBe(11)
})
