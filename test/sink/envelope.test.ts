import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { asOneLine, envelopeFieldsOf, isOneLine, readEnvelope } from '../../src/sink/envelope.ts'

const read = (eventType: string, json: string) => readEnvelope(Buffer.from(json), envelopeFieldsOf(eventType))

describe('the envelope', () => {
  test('of game telemetry is PascalCase, whichever form the event type was given in', () => {
    const json = '{"EventNamespace":"acme","EventName":"login","namespace":"other","name":"x"}'
    expect(read('game_telemetry', json)).toMatchObject({ namespace: 'acme', eventName: 'login' })
    expect(read('game-telemetry', json)).toMatchObject({ namespace: 'acme', eventName: 'login' })
  })

  test('of service events is camelCase', () => {
    const json = '{"namespace":"acme","name":"userCreated","EventName":"x"}'
    expect(read('justice_event', json)).toMatchObject({ namespace: 'acme', eventName: 'userCreated' })
  })

  test('counts what is missing, empty, no text, or inside the payload as not there', () => {
    const nothing = { namespace: null, eventName: null }
    expect(read('game_telemetry', '{"Payload":{"EventName":"x"}}')).toMatchObject(nothing)
    expect(read('game_telemetry', '{"EventName":"","EventNamespace":7}')).toMatchObject(nothing)
    expect(read('justice_event', '{"__proto__":{"name":"x"}}')).toMatchObject(nothing)
  })

  test('is refused for what is no JSON and for JSON that is no object', () => {
    expect(read('game_telemetry', '{"EventName":')).toBe('not_json')
    for (const json of ['[]', '7', 'null', '"x"']) expect(read('game_telemetry', json)).toBe('not_object')
  })
})

describe('the envelope of a value of more than a megabyte', () => {
  const filler = `"x":"${'x'.repeat(2 ** 20)}"`

  test.each([
    ['{"EventNamespace":"acme","EventName":"login"}', '{"EventNamespace":"acme","EventName":"login",'],
    ['an escape, and spaces', '{ "Event\\u004eame" : "log\\u0069n" ,\r\n'],
    [
      'twice, the last of which is no text',
      '{"EventName":"a","EventName":"login","EventNamespace":"x","EventNamespace":{"a":[1]},',
    ],
    [
      'nested, empty, half a surrogate pair',
      '{"a":[{"EventName":"x"}],"EventNamespace":"","EventTimestamp":"\\ud800",',
    ],
    ['no JSON', '{"EventName":"login",,'],
    ['no object', '[{"EventName":"login"},{'],
  ])('is what JSON.parse finds in a short one: %s', (_, start) => {
    const end = start.startsWith('[') ? '}]' : '}'
    const long = read('game_telemetry', `${start}${filler}${end}`)
    expect(long).toEqual(read('game_telemetry', `${start}"x":""${end}`))
  })

  test('has bytes that are no UTF-8 as JSON.parse has them', () => {
    const value = (behind: string) =>
      Buffer.concat([Buffer.from('{"EventName":"a'), Buffer.of(0xc3), Buffer.from(behind)])
    const fields = envelopeFieldsOf('game_telemetry')
    const short = readEnvelope(value('"}'), fields)
    expect(short).toMatchObject({ eventName: 'a\ufffd' })
    expect(readEnvelope(value(`",${filler}}`), fields)).toEqual(short)
  })

  test('has no text that is longer than that', () => {
    const long = read('game_telemetry', `{"EventNamespace":"acme","EventName":"${'é'.repeat(2 ** 20)}"}`)
    expect(long).toMatchObject({ namespace: 'acme', eventName: null })
  })

  test('is found without parsing more than names and short texts: of brackets or objects by the million JSON.parse makes too much', () => {
    const parse = vi.spyOn(JSON, 'parse')
    try {
      for (const filling of ['['.repeat(2 ** 20) + ']'.repeat(2 ** 20), `[${'{},'.repeat(2 ** 19)}7]`])
        expect(read('game_telemetry', `{"EventName":"login","x":${filling}}`)).toMatchObject({ eventName: 'login' })
      expect(parse.mock.calls.map(([text]) => text)).toEqual([
        '"EventName"',
        '"login"',
        '"x"',
        '"EventName"',
        '"login"',
        '"x"',
      ])
    } finally {
      parse.mockRestore()
    }
  })
})

describe('one event is one line', () => {
  test('what is one line already is known as such, escaped line breaks included', () => {
    const value = Buffer.from('{ "b": 1.0, "a": 12345678901234567890, "s": "\\u0041\\n" }')
    expect(isOneLine(value)).toBe(true)
    expect(isOneLine(Buffer.from('{\r}'))).toBe(false)
  })

  test('any pretty-printed value becomes one line that parses to the same', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.constantFrom(2, '\t'),
        (value, eol, indent) => {
          const pretty = JSON.stringify(value, null, indent).replaceAll('\n', eol)
          const line = asOneLine(Buffer.from(`${pretty}${eol}`)).toString()
          expect(line).not.toMatch(/[\r\n]/)
          expect(JSON.parse(line)).toEqual(JSON.parse(pretty))
        },
      ),
    )
  })

  test('spaces that are not indentation stay', () => {
    expect(asOneLine(Buffer.from('{\n  "a b": "c  d"\n}\n')).toString()).toBe('{"a b": "c  d"}')
  })
})
