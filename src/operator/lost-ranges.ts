import { lengthOf, type OffsetRange, overlaps, unionOf } from '../contract/offset-range.ts'
import { type Lost, MOST_LOST_RANGES } from '../contract/status-fields.ts'
import type { ObservedPod } from './observe.ts'

type Range = Lost['ranges'][number]

/** Ranges that one Event names; a note has at most 1,024 characters, and a topic's name up to 249. */
const MOST_NAMED = 3

/**
 * What is known to be lost, with what the pods have found since: each offset is counted once, although a pod tells its ranges as long as
 * it lives, and although the next owner of a partition may find the same range again, or a longer one.
 */
export function lostOf(known: Lost | undefined, pods: readonly Pick<ObservedPod, 'report'>[]): Lost | undefined {
  const found = pods.flatMap(({ report }) => (report?.kind === 'status' ? report.status.lost.ranges : []))
  if (found.length === 0) return known
  const newest = new Map((known?.ranges ?? []).map((range) => [nameOf(range), range]))
  let offsets = known?.offsets ?? 0
  for (const { topic, partition, from, to, at } of found.toSorted(byTime)) {
    const range = { topic, partition, from, to, at }
    const before = newest.get(nameOf(range))
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
 * `before` itself where the range says nothing new; one range of both where they overlap; else the later one. Offsets of a partition only
 * grow, so a range that lies before a known one is an older one, unless it was found later: then the topic was made anew.
 */
function merged(before: Range, range: Range): Range {
  const [a, b] = [bounds(before), bounds(range)]
  if (b.from >= a.from && b.to <= a.to) return before
  if (overlaps(a, b)) {
    const { from, to } = unionOf(a, b)
    return { ...range, from: String(from), to: String(to) }
  }
  return b.from >= a.to || range.at > before.at ? range : before
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
