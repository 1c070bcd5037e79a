import { expect, test, vi } from 'vitest'
import { compilePlan } from '../../src/sink/plan.ts'
import { RecordSet, setChecksum } from '../../src/sink/set.ts'
import { SlabPool } from '../../src/sink/slab-pool.ts'
import { ScriptedPartition, TOPIC } from '../support/scripted-source.ts'
import { event, events, sinkConfig } from '../support/sink-process.ts'

function setOf(values: (string | null)[], startOffset = 0n): RecordSet {
  const set = new RecordSet(compilePlan(sinkConfig()), TOPIC, 0, startOffset, new SlabPool(0))
  for (const record of new ScriptedPartition().append(...values).records) set.add(record, 1_000)
  return set
}

test('its interval counts from the first record that is kept, or from the first read while there is none', () => {
  const set = new RecordSet(compilePlan(sinkConfig()), TOPIC, 0, 0n, new SlabPool(0))
  expect(set.firstRecordAtMs).toBe(null)
  const log = new ScriptedPartition().append(event(0, { namespace: 'other' }), event(1), event(2))
  const times = log.records.map((record, i) => {
    set.add(record, (i + 1) * 1_000)
    return set.firstRecordAtMs
  })
  expect(times).toEqual([1_000, 2_000, 2_000])
})

test('its objects are sorted by key, with the records of each path in log order', () => {
  const set = setOf([event(0, { name: 'b' }), event(1, { name: 'a' }), event(2, { name: 'b' })])
  const objects = set.objects()
  expect(objects.map(({ key }) => key.split('/')[1])).toEqual(['a', 'b'])
  expect(Buffer.concat(objects[1]?.chunks ?? []).toString()).toBe(
    `${event(0, { name: 'b' })}\n${event(2, { name: 'b' })}\n`,
  )
  expect(objects[1]).toMatchObject({ records: 2, sizeBytes: 2 * event(0, { name: 'b' }).length + 2 })
})

test('it ends after its last record, or where it was advanced to', () => {
  const set = setOf(events(0, 3))
  expect([set.isUntouched, set.endOffset]).toEqual([false, 3n])
  set.advanceTo(8n, 0)
  expect(set.endOffset).toBe(8n)
  expect(setOf([]).isUntouched).toBe(true)
})

test('its interval counts from the first offset that it was advanced over, and anew from the first record that is kept', () => {
  const set = setOf([])
  set.advanceTo(set.startOffset, 1_000)
  expect(set.firstRecordAtMs).toBeNull()
  set.advanceTo(1n, 2_000)
  set.advanceTo(2n, 3_000)
  expect(set.firstRecordAtMs).toBe(2_000)
  const { records } = new ScriptedPartition().append(event(0))
  for (const record of records) set.add(record, 4_000)
  expect(set.firstRecordAtMs).toBe(4_000)
})

test('the fullest and the largest object are those of the policy, rejects included', () => {
  const set = setOf([event(0), null, null, null])
  expect(set.mostEvents).toBe(3)
  expect(set.mostBytes).toBeGreaterThan(event(0).length * 2)
})

test('equal sets have equal checksums; another record, order or start gives another', () => {
  const checksumOf = (set: RecordSet) => setChecksum(set.objects())
  const original = checksumOf(setOf(events(0, 3)))
  expect(checksumOf(setOf(events(0, 3)))).toBe(original)
  expect(checksumOf(setOf(events(0, 2)))).not.toBe(original)
  expect(checksumOf(setOf(events(0, 3).reverse()))).not.toBe(original)
  expect(checksumOf(setOf(events(0, 3), 1n))).not.toBe(original)
})

test('pretty-printed JSON is delivered as one line', () => {
  const pretty = JSON.stringify(JSON.parse(event(1)), null, 2)
  const [object] = setOf([pretty]).objects()
  expect(Buffer.concat(object?.chunks ?? []).toString()).toBe(`${pretty.replace(/\n */g, '')}\n`)
})

test('what it releases is all of its memory, that of rejects too', () => {
  const slabs = new SlabPool(0)
  const [taken, given] = [vi.spyOn(slabs, 'take'), vi.spyOn(slabs, 'give')]
  const set = new RecordSet(compilePlan(sinkConfig()), TOPIC, 0, 0n, slabs)
  for (const record of new ScriptedPartition().append(event(0), null, event(1, { name: 'b' })).records)
    set.add(record, 0)
  expect(set.allocatedBytes).toBeGreaterThan(0)
  set.release()
  expect(set.allocatedBytes).toBe(0)
  expect(taken).toHaveBeenCalledTimes(3)
  expect(given.mock.calls.flatMap(([each]) => each)).toHaveLength(3)
})

test('its rejects are plain lines, whatever the events are written as', () => {
  const set = new RecordSet(
    compilePlan(sinkConfig({ format: 'parquet', compression: 'zstd' })),
    TOPIC,
    0,
    0n,
    new SlabPool(0),
  )
  for (const record of new ScriptedPartition().append(event(0), null).records) set.add(record, 0)
  const formats = set.objects().map(({ key, format }) => [key.split('/')[0], format.format, format.compression])
  expect(formats).toEqual([
    ['_errors', 'ndjson', 'none'],
    ['events', 'parquet', 'zstd'],
  ])
})

test('its age counts from the first record that has a time of its own', () => {
  const set = setOf([])
  const { records } = new ScriptedPartition().append(event(0), event(1), event(2))
  const times = [-1, 5_000, 9_000]
  for (const [i, record] of records.entries()) set.add({ ...record, timestampMs: times[i] ?? 0 }, 10_000)
  expect(set.firstTimestampMs).toBe(5_000)
})
