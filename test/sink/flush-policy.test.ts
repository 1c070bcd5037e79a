import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FlushLimits, flushDeadlineMs, flushReason, type SetSize } from '../../src/sink/flush-policy.ts'

const limits: FlushLimits = { events: 10, bytes: 1_000, intervalMs: 60_000 }
const size = (changes: Partial<SetSize> = {}): SetSize => ({
  mostEvents: 1,
  mostBytes: 1,
  firstRecordAtMs: 0,
  ...changes,
})

test('each limit closes a set when it is reached, not before', () => {
  expect(flushReason(limits, size({ mostEvents: 9, mostBytes: 999 }), 59_999)).toBe(null)
  expect(flushReason(limits, size({ mostEvents: 10 }), 0)).toBe('events')
  expect(flushReason(limits, size({ mostBytes: 1_000 }), 0)).toBe('bytes')
  expect(flushReason(limits, size(), 60_000)).toBe('interval')
})

test('a set without records has no deadline', () => {
  const empty = size({ mostEvents: 0, mostBytes: 0, firstRecordAtMs: null })
  expect(flushDeadlineMs(limits, empty)).toBe(null)
  expect(flushReason(limits, empty, Number.MAX_SAFE_INTEGER)).toBe(null)
})

test('asked after every record and at every deadline, it flushes where a naive count of lists does', () => {
  const record = fc.record({
    object: fc.constantFrom('a', 'b'),
    bytes: fc.integer({ min: 1, max: 400 }),
    waitMs: fc.nat(40_000),
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      expect(byPolicy(records)).toEqual(naively(records))
    }),
  )
})

type Arrival = { object: string; bytes: number; waitMs: number }

/** Sums kept as the sink keeps them. Flushes as [time, reason]. */
function byPolicy(records: Arrival[]): [number, string][] {
  const flushes: [number, string][] = []
  let nowMs = 0
  let objects = new Map<string, { events: number; bytes: number }>()
  let firstRecordAtMs: number | null = null
  const state = () => ({
    mostEvents: Math.max(0, ...[...objects.values()].map(({ events }) => events)),
    mostBytes: Math.max(0, ...[...objects.values()].map(({ bytes }) => bytes)),
    firstRecordAtMs,
  })
  const ask = (atMs: number) => {
    const reason = flushReason(limits, state(), atMs)
    if (!reason) return
    flushes.push([atMs, reason])
    objects = new Map()
    firstRecordAtMs = null
  }
  for (const { object, bytes, waitMs } of records) {
    nowMs += waitMs
    const deadlineMs = flushDeadlineMs(limits, state())
    if (deadlineMs !== null && deadlineMs <= nowMs) ask(deadlineMs)
    const before = objects.get(object) ?? { events: 0, bytes: 0 }
    objects.set(object, { events: before.events + 1, bytes: before.bytes + bytes })
    firstRecordAtMs ??= nowMs
    ask(nowMs)
  }
  return flushes
}

/** Everything kept in a list and counted anew each time. */
function naively(records: Arrival[]): [number, string][] {
  const flushes: [number, string][] = []
  let open: (Arrival & { atMs: number })[] = []
  let nowMs = 0
  for (const record of records) {
    nowMs += record.waitMs
    const first = open[0]
    if (first && first.atMs + 60_000 <= nowMs) {
      flushes.push([first.atMs + 60_000, 'interval'])
      open = []
    }
    open.push({ ...record, atMs: nowMs })
    const same = open.filter(({ object }) => object === record.object)
    const reason =
      same.length === 10 ? 'events' : same.reduce((sum, { bytes }) => sum + bytes, 0) >= 1_000 ? 'bytes' : null
    if (reason) {
      flushes.push([nowMs, reason])
      open = []
    }
  }
  return flushes
}
