import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { progressLine, showProgress } from '../../src/bin/progress.ts'
import type { SinkStatus } from '../../src/contract/sink-status.ts'

const status: SinkStatus = {
  connector: 'local/c',
  revision: 'abc',
  state: 'ACTIVE',
  error: null,
  since: '2026-03-01T12:00:00Z',
  partitions: 3,
  topicPartitions: 3,
  lag: 1_200,
  records: { read: 12_000, delivered: 11_000, rejected: 0, filtered: 0 },
  objects: 7,
  bytes: 12_345_678,
  lost: { offsets: 0, ranges: [] },
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a line has records, megabytes, objects, speed and lag; rejected and filtered where there are any', () => {
  expect(progressLine(status, 999.6)).toBe(
    'ACTIVE · 11,000 records · 12.3 MB · 7 objects · 1,000 records/s · lag 1,200',
  )
  const others = { ...status, lag: null, records: { ...status.records, rejected: 2, filtered: 3_000 } }
  expect(progressLine(others, 0)).toMatch(/lag unknown · 2 rejected · 3,000 filtered$/)
})

test('a failure is shown with its reason', () => {
  expect(progressLine({ ...status, state: 'FAILED', error: 'S3 AccessDenied' }, 0)).toMatch(
    /^FAILED: S3 AccessDenied · /,
  )
})

test('on a terminal one line is redrawn and never wraps; at the end it stays', () => {
  const written: string[] = []
  const end = showProgress(() => status, { isTTY: true, columns: 20, write: (text) => written.push(text) })
  vi.advanceTimersByTime(1_000)
  end()
  expect(written).toHaveLength(3)
  expect(written.every((text) => text.startsWith('\r\x1b[2KACTIVE · 11,000 rec'))).toBe(true)
  expect(written.map((text) => text.endsWith('\n'))).toEqual([false, false, true])
})

test('elsewhere a line is printed every ten seconds and at every change of state', () => {
  const written: string[] = []
  let now = status
  const end = showProgress(() => now, { write: (text) => written.push(text) })
  vi.advanceTimersByTime(20_500)
  expect(written.length).toBe(3)
  now = { ...status, state: 'FAILED', error: 'no bucket' }
  vi.advanceTimersByTime(500)
  expect(written.at(-1)).toMatch(/^FAILED: no bucket.*\n$/)
  end()
  expect(written).toHaveLength(5)
})
