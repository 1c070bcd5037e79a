import type { BucketObject, BucketUpload } from '../support/bucket.ts'
import { fateOf, numberOf } from './events.ts'
import type { BucketLines } from './evidence.ts'

/** One record as it is in Kafka. */
export interface LoggedEvent {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly text: string
}

/** What must not be, in one line that says where to look. */
export type Violation = string

/**
 * Compares what Kafka holds with what one connector has put into its bucket, record by record: each one that is selected is in
 * exactly one object, byte for byte, under the name of its own partition; nothing else is there.
 *
 * @param log every record of the connector's topics, read without the sink's code
 */
export function violationsOf(log: readonly LoggedEvent[], objects: readonly BucketLines[]): Violation[] {
  const logged = new Map(log.map((event) => [numberOf(event.text) ?? -1, event]))
  const keysOf = new Map<number, string[]>()
  const violations: Violation[] = []
  for (const object of objects) {
    for (const line of object.lines) {
      const text = object.isRejects ? rejectedText(line) : line
      const n = numberOf(text)
      const event = n === null ? undefined : logged.get(n)
      if (n === null || event === undefined) violations.push(`${excerpt(text)} was never produced, in ${object.key}`)
      else {
        keysOf.set(n, [...(keysOf.get(n) ?? []), object.key])
        violations.push(...misplaced(n, event, text, object))
      }
    }
  }
  for (const [n, event] of logged) violations.push(...wrongCount(n, event, keysOf.get(n) ?? []))
  return violations
}

/** Every event that Kafka acknowledged is in its log, and none is there twice: otherwise the comparison would mean nothing. */
export function logViolations(log: readonly LoggedEvent[], acknowledged: ReadonlySet<number>): Violation[] {
  const numbers = log.map(({ text }) => numberOf(text))
  const found = new Set(numbers)
  const lost = [...acknowledged].filter((n) => !found.has(n))
  return [
    ...lost.map((n) => `event ${n} was acknowledged by Kafka and is not in its log`),
    ...(found.size === numbers.length ? [] : ['Kafka has an event twice']),
  ]
}

/**
 * Uploads in parts that a sink should have aborted: begun before the object was written, so that whoever finished the set can have seen
 * them. One that was begun later is of a sink that woke late, or of a request that arrived late: nobody looks for those.
 *
 * @param told names of objects of which a sink has told that an upload may be left
 */
export function leftUploads(
  uploads: readonly BucketUpload[],
  objects: readonly BucketObject[],
  told: ReadonlySet<string>,
): Violation[] {
  const writtenAt = new Map(objects.map(({ key, lastModified }) => [key, lastModified]))
  return uploads
    .filter(({ key, initiated }) => !told.has(key) && initiated < (writtenAt.get(key) ?? new Date()))
    .map(({ key, initiated }) => `an upload of ${key} was begun at ${initiated.toISOString()} and is left`)
}

function misplaced(n: number, event: LoggedEvent, text: string, { key, isRejects }: BucketLines): Violation[] {
  const where = whereOf(n, event)
  const violations: Violation[] = []
  if (!key.includes(`-${String(event.partition).padStart(5, '0')}-`))
    violations.push(`${where} is in an object of another partition: ${key}`)
  if (isRejects !== (fateOf(n) === 'rejected')) violations.push(`${where} (${fateOf(n)}) is in ${key}`)
  // The rows of a Parquet file are not the bytes that were produced.
  if (!key.endsWith('.parquet') && text !== event.text)
    violations.push(`${where} is changed in ${key}: ${excerpt(text)}`)
  return violations
}

function wrongCount(n: number, event: LoggedEvent, keys: readonly string[]): Violation[] {
  const fate = fateOf(n)
  const [least, most] = { delivered: [1, 1], rejected: [1, 1], optional: [0, 1], filtered: [0, 0] }[fate] as [
    number,
    number,
  ]
  if (keys.length >= least && keys.length <= most) return []
  return [`${whereOf(n, event)} (${fate}) is ${keys.length === 0 ? 'nowhere' : `in ${keys.join(' and ')}`}`]
}

function whereOf(n: number, { topic, partition, offset }: LoggedEvent): string {
  return `event ${n} (${topic}-${partition} offset ${offset})`
}

/** The raw bytes that a line of a rejects object holds. */
function rejectedText(line: string): string {
  const { value } = JSON.parse(line) as { value: string }
  return Buffer.from(value, 'base64').toString()
}

function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
