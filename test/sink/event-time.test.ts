import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEventTime, usualEventTimeMs } from '../../src/sink/event-time.ts'

const at = (text: string) => readEventTime(text)?.timestampMs

describe('an event’s time', () => {
  test.each([
    ['2026-11-24T10:59:59Z', '2026-11-24T10:59:59.000Z'],
    ['2026-11-24T10:59:59.5Z', '2026-11-24T10:59:59.500Z'],
    ['2026-11-24t10:59:59z', '2026-11-24T10:59:59.000Z'],
    ['2026-11-24 10:59:59Z', '2026-11-24T10:59:59.000Z'],
    ['2026-11-24T00:30:00+05:45', '2026-11-23T18:45:00.000Z'],
    ['2026-11-24T23:30:00-01:00', '2026-11-25T00:30:00.000Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, time) => {
    expect(at(text)).toBe(Date.parse(time))
  })

  test.each([
    '',
    'now',
    '2026-11-24',
    '2026-11-24T10:59:59',
    '2026-11-24T10:59Z',
    '2026-02-30T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T10:60:00Z',
    '2026-11-24T10:59:60Z',
    '2016-12-31T23:59:60Z',
    '2026-11-24T10:59:59+24:00',
    '2026-11-24T10:59:59+02:60',
    '0001-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '12026-11-24T10:59:59Z',
    ' 2026-11-24T10:59:59Z',
    '1700000000000',
  ])('%j is none', (text) => {
    expect(readEventTime(text)).toBe(null)
  })

  test('is kept to the microsecond in UTC, and says when that is not all', () => {
    expect(readEventTime('2026-11-24T00:00:00.123456Z')).toMatchObject({ micros: 456, isWhole: true })
    expect(readEventTime('2026-11-24T00:00:00.123456700Z')).toMatchObject({ micros: 456, isWhole: false })
    expect(readEventTime('2026-11-24T00:00:00.1234560Z')).toMatchObject({ micros: 456, isWhole: true })
    expect(readEventTime('2026-11-24T00:00:00+02:00')).toMatchObject({ isWhole: false })
    expect(readEventTime('2026-11-24T00:00:00+00:00')).toMatchObject({ isWhole: true })
  })

  test('read from bytes it is the same, or left to the other way', () => {
    const piece = fc.constantFrom(
      ...'0123456789',
      '2026-11-24',
      '2026-11-25',
      'T',
      't',
      'Z',
      '.',
      ':',
      '23:59:59',
      '24:00:60',
      '.123',
    )
    const time = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const usual = fc
      .tuple(fc.constantFrom('2026-11-24', '2026-02-30', '1969-12-31'), time)
      .map((parts) => parts.join('T'))
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            usual,
            usual.map((text) => `${text}Z`),
          ),
          { minLength: 2 },
        ),
        (texts) => {
          for (const text of texts) {
            const fast = usualEventTimeMs(Buffer.from(`##${text}##`), 2, text.length)
            const right = at(text)
            if (!Number.isNaN(fast)) expect([text, fast]).toEqual([text, right])
          }
        },
      ),
      { numRuns: 2_000 },
    )
    at('2026-11-24T00:00:00Z')
    for (const text of ['2026-11-24T10:59:59Z', '2026-11-24T10:59:59.5Z', '2026-11-24T10:59:59.123456789Z'])
      expect(usualEventTimeMs(Buffer.from(text), 0, text.length)).toBe(at(text))
  })

  test('is what JavaScript’s own clock writes, and one text after another does not disturb it', () => {
    const time = fc.integer({ min: 0, max: 253_402_300_799_999 })
    fc.assert(
      fc.property(time, time, (one, other) => {
        expect([at(new Date(one).toISOString()), at(new Date(other).toISOString())]).toEqual([one, other])
      }),
    )
  })
})
