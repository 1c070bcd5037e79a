import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { probeVerdicts, startProbe } from './prober.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a verdict needs as many equal answers in a row as its threshold says', () => {
  const verdict = probeVerdicts({ successThreshold: 2, failureThreshold: 3 })
  const answers = [true, true, false, false, true, false, false, false, false, true]
  const [no, yes, none] = [false, true, undefined]
  expect(answers.map(verdict)).toEqual([none, yes, none, none, none, none, none, no, no, none])
})

test('it asks first after the initial delay, then every period, and reports each failure', async () => {
  const check = vi.fn(async () => ({ ok: false, message: 'no' }))
  const listener = { onFailure: vi.fn(), onVerdict: vi.fn() }
  const stop = startProbe({ initialDelaySeconds: 5, periodSeconds: 2, failureThreshold: 2 }, check, listener)
  await vi.advanceTimersByTimeAsync(4_999)
  expect(check).toHaveBeenCalledTimes(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(listener.onFailure).toHaveBeenCalledExactlyOnceWith('no')
  expect(listener.onVerdict).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(listener.onVerdict).toHaveBeenCalledExactlyOnceWith(false)
  stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(check).toHaveBeenCalledTimes(2)
})

test('an answer that comes after the stop is not reported', async () => {
  const answer = Promise.withResolvers<{ ok: boolean; message: string }>()
  const listener = { onFailure: vi.fn(), onVerdict: vi.fn() }
  const stop = startProbe({}, () => answer.promise, listener)
  await vi.advanceTimersByTimeAsync(0)
  stop()
  answer.resolve({ ok: true, message: '' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(listener.onVerdict).not.toHaveBeenCalled()
})
