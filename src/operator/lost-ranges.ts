import { lengthOf, type OffsetRange, overlaps, unionOf } from '../contract/offset-range.ts'
import { type Lost, MOST_LOST_RANGES } from '../contract/status-fields.ts'
import type { ObservedPod } from './observe.ts'

type Range = Lost['ranges'][number]

/** Ranges that one Event names; a note has at most 1,024 characters, and a topic's name up to 249. */
const MOST_NAMED = 3

/**
 * What is known to be lost, with what the pods have found since: each offset is counted once, although a pod tells its ranges as long as
 * it lives, and the next owner of a partition may find the same range again, or a longer one.
 */
export function lostOf(known: Lost | undefined, pods: readonly Pick<ObservedPod, 'report'>[]): Lost | undefined {
  const found = pods.flatMap(({ report }) => (report?.kind === 'status' ? report.status.lost.ranges : []))
  if (found.length === 0) return known
  const listed = known?.ranges ?? []
  const newest = new Map(listed.map((range) => [nameOf(range), range]))
  // What a full list has no room for was counted when it came. Its pod goes on telling it.
  const countedUntil = listed.length < MOST_LOST_RANGES ? '' : (listed[0]?.at ?? '')
  let offsets = known?.offsets ?? 0
  for (const { topic, partition, from, to, at } of found.toSorted(byTime)) {
    const range = { topic, partition, from, to, at }
    const before = newest.get(nameOf(range))
    if (before === undefined && at <= countedUntil) continue
    const after = before === undefined ? range : merged(before, range)
    if (after === before) continue
    const counted = before !== undefined && overlaps(bounds(before), bounds(after)) ? lengthOf(bounds(before)) : 0
    offsets += lengthOf(bounds(after)) - counted
    newest.set(nameOf(range), after)
  }
  return { offsets, ranges: [...newest.values()].sort(byTime).slice(-MOST_LOST_RANGES) }
}

/** The words of the Event for what is new, undefined when nothing is. */
export function lossNote(before: Lost | undefined, after: Lost | undefined): string | undefined {
  const offsets = (after?.offsets ?? 0) - (before?.offsets ?? 0)
  if (!after || offsets <= 0) return undefined
  const known = new Set(before?.ranges.map(textOf))
  const news = after.ranges.map(textOf).filter((text) => !known.has(text))
  const others = news.length > MOST_NAMED ? `, and ${news.length - MOST_NAMED} more in status.lost` : ''
  return `${offsets} offsets expired in Kafka before they were delivered: ${news.slice(0, MOST_NAMED).join(', ')}${others}`
}

/**
 * `before` itself where the range says nothing new; one range of both where they overlap; else the one that was found later. That is not always the
 * one of higher offsets: they begin at 0 again in a topic that was made anew.
 */
function merged(before: Range, range: Range): Range {
  const [a, b] = [bounds(before), bounds(range)]
  if (b.from >= a.from && b.to <= a.to) return before
  if (overlaps(a, b)) {
    const { from, to } = unionOf(a, b)
    return { ...range, from: String(from), to: String(to) }
  }
  return range.at > before.at ? range : before
}

function bounds({ from, to }: Range): OffsetRange {
  return { from: BigInt(from), to: BigInt(to) }
}

/** Both ends are among the lost ones. */
function textOf(range: Range): string {
  return `${nameOf(range)} ${range.from}..${bounds(range).to - 1n} (${lengthOf(bounds(range))})`
}

function nameOf({ topic, partition }: Range): string {
  return `${topic}-${partition}`
}

function byTime(a: { readonly at: string }, b: { readonly at: string }): number {
  return a.at.localeCompare(b.at)
}
