import { describe, expect, it } from 'vitest'
import { lossNote, lostOf } from '../../src/operator/lost-ranges.ts'
import { says } from './builders.ts'

const range = (from: number, to: number, minute = 0, partition = 3) => ({
  topic: 'logins',
  partition,
  from: String(from),
  to: String(to),
  at: `2026-03-01T12:${String(minute).padStart(2, '0')}:00.000Z`,
})

const pod = (...ranges: ReturnType<typeof range>[]) => ({
  report: says('ACTIVE', { lost: { offsets: 0, ranges: ranges.map((each) => ({ ...each, reason: 'expired' })) } }),
})

describe('lostOf', () => {
  it('is nothing while no pod ever found anything', () => {
    expect(lostOf(undefined, [pod(), { report: { kind: 'pending' } }])).toBeUndefined()
  })

  it('counts a range once, however often it is told, and by whom', () => {
    const once = lostOf(undefined, [pod(range(12, 34)), pod(range(12, 34, 1), range(5, 9, 0, 4))])
    expect(once).toEqual({ offsets: 26, ranges: [range(12, 34), range(5, 9, 0, 4)] })
    expect(lostOf(once, [pod(range(12, 34)), pod(range(12, 34, 1), range(5, 9, 0, 4))])).toEqual(once)
    expect(lostOf(once, [])).toEqual(once)
  })

  it('counts only what is new of a range that the next owner found longer, at either end', () => {
    const first = lostOf(undefined, [pod(range(12, 34))])
    expect(lostOf(first, [pod(range(10, 40, 1))])).toEqual({ offsets: 30, ranges: [range(10, 40, 1)] })
    expect(lostOf(first, [pod(range(10, 20, 1))])).toEqual({ offsets: 24, ranges: [range(10, 34, 1)] })
  })

  it('keeps the newest range of a partition, and does not count the older one again', () => {
    const both = [pod(range(12, 34), range(50, 60, 5))]
    const after = lostOf(undefined, both)
    expect(after).toEqual({ offsets: 32, ranges: [range(50, 60, 5)] })
    expect(lostOf(after, both)).toEqual(after)
  })

  it('counts ranges of a topic that was made anew, whose offsets begin at 0 again', () => {
    const first = lostOf(undefined, [pod(range(50, 60, 5))])
    const both = [pod(range(50, 60, 5)), pod(range(0, 7, 9))]
    const after = lostOf(first, both)
    expect(after?.offsets).toBe(17)
    expect(lostOf(after, both)).toEqual(after)
  })

  it('counts a range once also where it no longer fits into the list, though its pod goes on telling it', () => {
    const hundred = (minute: number) =>
      pod(...Array.from({ length: 100 }, (_, i) => range(0, 2, minute, 100 * minute + i)))
    const pods = [0, 1, 2, 3].map(hundred)
    const first = lostOf(undefined, pods)
    expect([first?.offsets, first?.ranges.length]).toEqual([800, 300])
    expect(lostOf(first, pods)).toEqual(first)
    const later = [...pods, pod(range(0, 7, 5, 999), range(10, 12, 5, 0))]
    expect(lostOf(first, later)?.offsets).toBe(809)
  })
})

describe('lossNote', () => {
  it('names each new range with its first and last offset and their number, once', () => {
    const before = lostOf(undefined, [pod(range(12, 34))])
    expect(lossNote(undefined, before)).toBe(
      '22 offsets expired in Kafka before they were delivered: logins-3 12..33 (22)',
    )
    const after = lostOf(before, [pod(range(5, 9, 1, 4))])
    expect(lossNote(before, after)).toBe('4 offsets expired in Kafka before they were delivered: logins-4 5..8 (4)')
    expect(lossNote(after, after)).toBeUndefined()
  })

  it('says where the others are when there are many', () => {
    const many = lostOf(undefined, [pod(...[1, 2, 3, 4, 5].map((partition) => range(0, 2, partition, partition)))])
    expect(lossNote(undefined, many)).toMatch(/^10 offsets .* logins-3 0..1 \(2\), and 2 more in status\.lost$/)
  })
})
