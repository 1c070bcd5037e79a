import { describe, expect, test } from 'vitest'
import { columnsFrom, columnsOf } from '../../../src/sink/encode/parquet-columns.ts'
import { linesOf } from '../../support/parquet.ts'

/** The rows that the lines become: text for bytes, nothing for null. */
function rowsOf(eventType: string, ...events: (unknown | Buffer)[]): Record<string, unknown>[] {
  const lines = events.flatMap((event) => (Buffer.isBuffer(event) ? [event] : linesOf([event])))
  const columns = columnsFrom(Buffer.concat(lines), columnsOf(eventType))
  return events.map((_, row) => {
    const values = columns.map(({ name, data }) => [name, data[row]] as const)
    const told = values.filter(([, value]) => value !== null)
    return Object.fromEntries(told.map(([name, value]) => [name, typeof value === 'bigint' ? value : utf8(value)]))
  })
}

function utf8(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? undefined)
}

describe('the columns of an event', () => {
  test('are the fields of its envelope, times as instants, the payload as it was written', () => {
    const line =
      '{"EventId":"e1","EventNamespace":"acme","EventName":"login","EventTimestamp":"2026-11-24T10:00:00.123456Z","ClientTimestamp":"2026-11-24T10:00:00+00:00","UserId":"u","UserNamespace":"acme","ClientId":"c","DeviceType":"PC","Payload":{"big": 12345678901234567890, "a" :[1.0]}}'
    expect(rowsOf('game-telemetry', line)).toEqual([
      {
        EventId: 'e1',
        EventNamespace: 'acme',
        EventName: 'login',
        EventTimestamp: BigInt(Date.parse('2026-11-24T10:00:00.123Z')) * 1000n + 456n,
        ClientTimestamp: BigInt(Date.parse('2026-11-24T10:00:00Z')) * 1000n,
        UserId: 'u',
        UserNamespace: 'acme',
        ClientId: 'c',
        DeviceType: 'PC',
        Payload: '{"big": 12345678901234567890, "a" :[1.0]}',
      },
    ])
  })

  test('of a service event are camelCase', () => {
    const event = { id: 'i', name: 'userCreated', namespace: 'acme', traceId: 't', version: '1', payload: [1] }
    expect(rowsOf('justice_event', event)).toEqual([{ ...event, payload: '[1]' }])
  })

  test('what has no column, or does not fit it, is in other_fields as it was written', () => {
    expect(
      rowsOf(
        'game_telemetry',
        '{"UserId": 7, "Level": 1.50, "EventTimestamp":"yesterday","EventId":"e","x":"\\u00e9"}',
        '{"ClientTimestamp":"2026-11-24T10:00:00.1234567Z"}',
        '{"ClientTimestamp":"2026-11-24T12:00:00+02:00"}',
        '{"EventName":"\\ud800"}',
      ),
    ).toEqual([
      { EventId: 'e', other_fields: '{"UserId": 7,"Level": 1.50,"EventTimestamp":"yesterday","x":"\\u00e9"}' },
      {
        ClientTimestamp: BigInt(Date.parse('2026-11-24T10:00:00.123Z')) * 1000n + 456n,
        other_fields: '{"ClientTimestamp":"2026-11-24T10:00:00.1234567Z"}',
      },
      {
        ClientTimestamp: BigInt(Date.parse('2026-11-24T10:00:00Z')) * 1000n,
        other_fields: '{"ClientTimestamp":"2026-11-24T12:00:00+02:00"}',
      },
      { other_fields: '{"EventName":"\\ud800"}' },
    ])
  })

  test('null and absent are one', () => {
    expect(rowsOf('game_telemetry', { EventId: null, Payload: null }, {})).toEqual([{}, {}])
  })

  test('escapes in names and values are undone, and of two fields with one name the last counts', () => {
    expect(rowsOf('game_telemetry', '{"Event\\u0049d":"a\\"b\\u00e9","UserId":"x","UserId":"y"}')).toEqual([
      { EventId: 'a"bé', UserId: 'y' },
    ])
  })

  test('of two fields with one name the last counts, also where it does not fit the column', () => {
    expect(rowsOf('game_telemetry', '{"UserId":"x","UserId":7}', '{"UserId":"x","UserId":null}')).toEqual([
      { other_fields: '{"UserId":7}' },
      {},
    ])
  })

  test('other rows with their fields in another order, or fewer of them, do not confuse', () => {
    const events = [{ EventId: '1', UserId: 'u' }, { UserId: 'v', EventId: '2' }, { UserId: 'w' }, { EventId: '4' }]
    expect(rowsOf('game_telemetry', ...events)).toEqual(events)
  })

  test('bytes that are no UTF-8 become U+FFFD, as a reader would refuse the whole file', () => {
    const broken = Buffer.concat([Buffer.from('{"EventId":"'), Buffer.of(0xff), Buffer.from('"}\n')])
    expect(rowsOf('game_telemetry', broken, { EventId: 'ok' })).toEqual([{ EventId: '\ufffd' }, { EventId: 'ok' }])
  })

  test('a line that is no object after all is kept as it is', () => {
    expect(rowsOf('game_telemetry', '{"EventId":')).toEqual([{ other_fields: '{"EventId":' }])
  })
})
