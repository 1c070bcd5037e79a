import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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
