import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type FlushLimits,
  flushDeadlineMs,
  flushReason,
  type SetSize,
  TIME_PARTITION_GRACE_MS,
} from '../../src/sink/flush-policy.ts'

const limits: FlushLimits = { events: 10, bytes: 1_000, intervalMs: 60_000, objects: 3 }
const size = (changes: Partial<SetSize> = {}): SetSize => ({
  mostEvents: 1,
  mostBytes: 1,
  objectCount: 1,
  firstRecordAtMs: 0,
  timePartitionEndMs: null,
  ...changes,
})

test('each limit closes a set when it is reached, not before', () => {
  expect(flushReason(limits, size({ mostEvents: 9, mostBytes: 999 }), 59_999)).toBe(null)
  expect(flushReason(limits, size({ mostEvents: 10 }), 0)).toBe('events')
  expect(flushReason(limits, size({ mostBytes: 1_000 }), 0)).toBe('bytes')
  expect(flushReason(limits, size(), 60_000)).toBe('interval')
  expect(flushReason(limits, size({ objectCount: 3 }), 0)).toBe('too_many_objects')
})

test('a set is not kept long after the end of the time partition in which it was begun', () => {
  const begun = size({ firstRecordAtMs: 1_000, timePartitionEndMs: 9_000 })
  const closedAtMs = 9_000 + TIME_PARTITION_GRACE_MS
  expect(flushDeadlineMs(limits, begun)).toBe(closedAtMs)
  expect(flushReason(limits, begun, closedAtMs - 1)).toBe(null)
  expect(flushReason(limits, begun, closedAtMs)).toBe('partition_closed')
})

test('a set without records has no deadline', () => {
  const empty = size({ mostEvents: 0, mostBytes: 0, firstRecordAtMs: null })
  expect(flushDeadlineMs(limits, empty)).toBe(null)
  expect(flushReason(limits, empty, Number.MAX_SAFE_INTEGER)).toBe(null)
})

test('asked after every record and at every deadline, it flushes where a naive count of lists does', () => {
  const record = fc.record({
    object: fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c'),
    bytes: fc.integer({ min: 1, max: 400 }),
    waitMs: fc.nat(40_000),
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      expect(byPolicy(records)).toEqual(naively(records))
    }),
  )
})

/** Time partitions of 40 seconds. */
const partitionEndMs = (atMs: number) => (Math.floor(atMs / 40_000) + 1) * 40_000

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
    objectCount: objects.size,
    firstRecordAtMs,
    timePartitionEndMs: firstRecordAtMs === null ? null : partitionEndMs(firstRecordAtMs),
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
    const deadlines: [number, string][] = first
      ? [
          [first.atMs + 60_000, 'interval'],
          [partitionEndMs(first.atMs) + TIME_PARTITION_GRACE_MS, 'partition_closed'],
        ]
      : []
    const [earliest] = deadlines.sort(([a], [b]) => a - b)
    if (earliest && earliest[0] <= nowMs) {
      flushes.push(earliest)
      open = []
    }
    open.push({ ...record, atMs: nowMs })
    const same = open.filter(({ object }) => object === record.object)
    const isManyObjects = new Set(open.map(({ object }) => object)).size === 3
    const reasons = [
      ...(same.length === 10 ? ['events'] : []),
      ...(same.reduce((sum, { bytes }) => sum + bytes, 0) >= 1_000 ? ['bytes'] : []),
      ...(isManyObjects ? ['too_many_objects'] : []),
    ]
    const [reason] = reasons
    if (reason) {
      flushes.push([nowMs, reason])
      open = []
    }
  }
  return flushes
}
