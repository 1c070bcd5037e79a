import { describe, expect, test } from 'vitest'
import { type LoggedEvent, leftUploads, logViolations, violationsOf } from './check.ts'
import { fateOf, isLarge, TOPICS, textOf } from './events.ts'
import type { BucketLines } from './evidence.ts'

const NAMESPACE = 'acme'
/** Numbers of events, one of each fate. */
const [DELIVERED, OPTIONAL, FILTERED, REJECTED] = [1, 13, 31, 97] as const
const text = (n: number) => textOf(n, NAMESPACE, 'login')
const logged = (n: number): LoggedEvent => ({ topic: 'login', partition: n % 2, offset: String(n), text: text(n) })
const LOG = [DELIVERED, 2, OPTIONAL, FILTERED, REJECTED].map(logged)

const reject = (n: number) => JSON.stringify({ value: Buffer.from(text(n)).toString('base64') })
const object = (key: string, ...lines: string[]): BucketLines => ({ key, lines, isRejects: key.startsWith('_errors/') })
const ODD = object('login-00001-00000000000000000001.json', text(DELIVERED), text(OPTIONAL))
const EVEN = object('login-00000-00000000000000000002.json', text(2))
const REJECTS = object('_errors/login-00001-00000000000000000001.json', reject(REJECTED))

test('the events are of every fate', () => {
  expect([DELIVERED, OPTIONAL, FILTERED, REJECTED].map(fateOf)).toEqual([
    'delivered',
    'optional',
    'filtered',
    'rejected',
  ])
})

test('a bucket with every selected event once is as it must be, with or without optional ones', () => {
  expect(violationsOf(LOG, [ODD, EVEN, REJECTS])).toEqual([])
  expect(violationsOf(LOG, [object(ODD.key, text(DELIVERED)), EVEN, REJECTS])).toEqual([])
})

describe('it finds', () => {
  const found = (...objects: BucketLines[]) => violationsOf(LOG, objects).join('\n')

  test('an event that is missing, with its place in Kafka', () => {
    expect(found(ODD, REJECTS)).toBe('event 2 (login-0 offset 2) (delivered) is nowhere')
    expect(found(ODD, EVEN)).toBe('event 97 (login-1 offset 97) (rejected) is nowhere')
  })

  test('an event in two objects, and twice in one', () => {
    const other = object('other-00000-00000000000000000000.json', text(2))
    expect(found(ODD, EVEN, REJECTS, other)).toBe(
      `event 2 (login-0 offset 2) (delivered) is in ${EVEN.key} and ${other.key}`,
    )
    expect(found(ODD, object(EVEN.key, text(2), text(2)), REJECTS)).toContain(`is in ${EVEN.key} and ${EVEN.key}`)
    expect(found(ODD, EVEN, REJECTS, object('x-00001-1.json', text(OPTIONAL)))).toContain('event 13')
  })

  test('an event that was filtered, and one that nobody produced', () => {
    expect(found(ODD, EVEN, REJECTS, object('x-00001-1.json', text(FILTERED)))).toContain(
      '(filtered) is in x-00001-1.json',
    )
    expect(found(ODD, EVEN, REJECTS, object('x-00001-1.json', text(3)))).toContain(
      'was never produced, in x-00001-1.json',
    )
    expect(found(ODD, EVEN, REJECTS, object('x-00001-1.json', 'noise'))).toContain('noise was never produced')
  })

  test('an event whose bytes have changed', () => {
    const changed = text(2).replace('canyon', 'harbour')
    expect(found(ODD, object(EVEN.key, changed), REJECTS)).toContain(
      `event 2 (login-0 offset 2) is changed in ${EVEN.key}`,
    )
  })

  test('an event under the name of another partition, a reject among events, an event among rejects', () => {
    expect(found(ODD, object('x-00001-2.json', text(2)), REJECTS)).toContain('is in an object of another partition')
    expect(found(ODD, EVEN, object('x-00001-1.json', text(REJECTED)))).toContain('(rejected) is in x-00001-1.json')
    expect(found(ODD, REJECTS, object('_errors/x-00000-1.json', reject(2)))).toContain('(delivered) is in _errors/')
  })
})

test('a log without an acknowledged event, or with one twice, is no measure', () => {
  expect(logViolations(LOG, new Set([DELIVERED, 2]))).toEqual([])
  expect(logViolations(LOG, new Set([5]))).toEqual(['event 5 was acknowledged by Kafka and is not in its log'])
  expect(logViolations([...LOG, logged(2)], new Set())).toEqual(['Kafka has an event twice'])
})

test('an upload is left over where its object was written after it was begun or is not there, unless a sink has told of it', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, second))
  const objects = [{ key: 'a', sizeBytes: 1, etag: '', lastModified: at(5) }]
  const left = (key: string, second: number, told: string[] = []) =>
    leftUploads([{ key, initiated: at(second) }], objects, new Set(told))
  expect(left('a', 4)).toEqual(['an upload of a was begun at 2026-03-01T12:00:04.000Z and is left'])
  expect(left('b', 4)).toHaveLength(1)
  expect(left('a', 4, ['a'])).toEqual([])
  expect(left('a', 5)).toEqual([])
})

test('now and then two events of one partition in a row are so large that an object with them needs two parts', () => {
  const partitions = TOPICS.login + TOPICS.matchEnded
  const large = Array.from({ length: partitions * 2_700 }, (_, i) => i + 1).filter(isLarge)
  expect(large).toHaveLength(partitions * 3)
  const ofOne = large.filter((n) => n % partitions === 5)
  expect(ofOne.map((n) => n - (ofOne[0] ?? 0))).toEqual([0, partitions, 2 * partitions])
  const sizes = ofOne.filter((n) => fateOf(n) === 'delivered').map((n) => text(n).length)
  expect(Math.min(...sizes) * 2).toBeGreaterThan(5_242_880)
})
