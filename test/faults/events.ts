import { gameTopic } from '../support/game-events.ts'

/**
 * Where an event belongs: `delivered` in exactly one object, `rejected` in exactly one rejects object, `optional` (selected by
 * some configurations only) in one or in none, `filtered` in none.
 */
export type Fate = 'delivered' | 'rejected' | 'optional' | 'filtered'

/** Partitions of each topic: twelve together. */
export const TOPICS = { login: 4, matchEnded: 8 } as const
/** Selected by some configurations of a connector and not by others. */
export const SOMETIMES = 'sometimes'
const FIRST_EVENT_AT_MS = Date.UTC(2026, 2, 1, 12)
/** Event time between one event and the next: a minute's time partition gets a thousand events. */
const EVENT_MS = 60

export function topicsOf(namespace: string): string[] {
  return Object.keys(TOPICS).map((name) => gameTopic(namespace, name))
}

export function fateOf(n: number): Fate {
  if (n % 97 === 0) return 'rejected'
  if (n % 31 === 0) return 'filtered'
  return n % 13 === 0 ? 'optional' : 'delivered'
}

/** Now and then some events of one partition in a row, so large that an object with two of them needs two parts. */
const LARGE = { bytes: 2_800_000, inARow: 3, ofEach: 2_700 }
const PARTITIONS = TOPICS.login + TOPICS.matchEnded

/** Events go to the partitions in turn, and each partition gets its large ones at another time. */
export function isLarge(n: number): boolean {
  const [place, turn] = [(n - 1) % PARTITIONS, Math.floor((n - 1) / PARTITIONS)]
  return (turn + (place * LARGE.ofEach) / PARTITIONS) % LARGE.ofEach < LARGE.inARow
}

/** What is sent for event `n`: it follows from the number alone, so that what was delivered can be compared byte by byte. */
export function textOf(n: number, namespace: string, eventName: string): string {
  const fate = fateOf(n)
  if (fate === 'rejected') return `event ${n} is no JSON`
  const EventNamespace = fate === 'filtered' ? 'nobody' : fate === 'optional' ? SOMETIMES : namespace
  const EventTimestamp = new Date(FIRST_EVENT_AT_MS + n * EVENT_MS).toISOString()
  const Payload = { map: 'canyon', score: (n * 31) % 10_000, note: 'x'.repeat(isLarge(n) ? LARGE.bytes : n % 200) }
  return JSON.stringify({ EventId: String(n), EventNamespace, EventName: eventName, EventTimestamp, Payload })
}

/** The number of an event, from its text or from a row of a Parquet file; null for anything else. */
export function numberOf(text: string): number | null {
  const found = /^event (\d+) is no JSON$/.exec(text) ?? /"EventId":"(\d+)"/.exec(text)
  return found ? Number(found[1]) : null
}
