import { expect, test } from 'vitest'
import { CrashBackoff, restarts } from './restart-policy.ts'

test.each([
  ['Always', 0, true],
  ['Always', 1, true],
  [undefined, 0, true],
  ['OnFailure', 0, false],
  ['OnFailure', 1, true],
  ['Never', 1, false],
] as const)('%s after exit code %i restarts: %s', (policy, exitCode, expected) => {
  expect(restarts(policy, exitCode)).toBe(expected)
})

test('the first restart is at once, then the delay doubles from one second to thirty', () => {
  const backoff = new CrashBackoff()
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => backoff.next(0) / 1000)).toEqual([0, 1, 2, 4, 8, 16, 30, 30])
})

test('a container that ran for a minute starts again at once', () => {
  const backoff = new CrashBackoff()
  for (let crash = 0; crash < 5; crash += 1) backoff.next(0)
  expect([backoff.next(59_999), backoff.next(60_000), backoff.next(0)]).toEqual([16_000, 0, 1_000])
})
