import { expect, it, vi } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'

it('waits also for longer than a timer of Node.js can, which would go off at once', async () => {
  const called = vi.fn()
  const cancel = systemClock.after(60 * 86_400_000, called)
  await new Promise((resolve) => setTimeout(resolve, 20))
  cancel()
  expect(called).not.toHaveBeenCalled()
})
