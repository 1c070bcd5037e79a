import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { envelopeFieldsOf, readEnvelope } from '../../src/sink/envelope.ts'
import { EnvelopeScan } from '../../src/sink/envelope-scan.ts'
import { WASM_LAYOUT, wasmBytes } from '../../src/sink/wasm-memory.ts'

const fields = envelopeFieldsOf('game_telemetry')
const names = [fields.namespace, fields.eventName]
const scanner = new EnvelopeScan(names)

/** What the scan says of a value in the middle of other bytes, wherever they lie; null where it leaves the verdict to JSON.parse. */
function scan(value: Buffer, before = '{"EventName":"', behind = '"}'): (string | null)[] | null {
  const bytes = Buffer.concat([Buffer.from(before), value, Buffer.from(behind)])
  const at = Buffer.byteLength(before)
  const elsewhere = scanIn(bytes, at, value.length)
  const inPlace = wasmBytes.subarray(WASM_LAYOUT.answersAt, WASM_LAYOUT.answersAt + bytes.length)
  bytes.copy(inPlace)
  const here = scanIn(inPlace, at, value.length)
  if (String(here) !== String(elsewhere)) expect(here).toEqual(elsewhere)
  if (!inPlace.equals(bytes)) expect.fail('the bytes around the value are not as they were')
  return elsewhere
}

function scanIn(bytes: Buffer, at: number, valueLength: number): (string | null)[] | null {
  if (!scanner.scan(bytes, at, valueLength)) return null
  return names.map((_, field) => {
    const length = scanner.lengthOf(field)
    const textAt = at + scanner.atOf(field)
    return length <= 0 ? null : bytes.toString('utf8', textAt, textAt + length)
  })
}

function parsed(value: Buffer): (string | null)[] | null {
  const envelope = readEnvelope(value, fields)
  return typeof envelope === 'string' ? null : [envelope.namespace, envelope.eventName]
}

function expectAgreement(value: Buffer): void {
  const scanned = scan(value)
  if (scanned !== null) expect(scanned).toEqual(parsed(value))
}

const key = fc.oneof(
  fc.constantFrom(...names, 'eventname', 'EventNam', 'EventName2', 'Event\\u004eame', '__proto__', ''),
  fc.string({ unit: 'binary' }),
)
const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.integer(), fc.boolean(), fc.constant(null))
/** JSON as text, with names that occur twice, which no value of JavaScript has. */
const json: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf.map((value) => JSON.stringify(value)),
    fc.array(tie('value'), { maxLength: 4 }).map((values) => `[${values.join(' , ')}]`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(key, tie('value'), fc.constantFrom('', ' ', '\n', '\t\r')), { maxLength: 6 })
    .map(
      (members) => `{${members.map(([name, value, space]) => `${space}"${quoted(name)}"${space}:${value}`).join(',')}}`,
    ),
})).object

/** Escapes that are there already stay. */
function quoted(name: string): string {
  return name.includes('\\u') ? name : JSON.stringify(name).slice(1, -1)
}

describe('the scan of an envelope', () => {
  test('finds the same namespace and event name as JSON.parse, whatever else is in the value', () => {
    fc.assert(
      fc.property(json, (text) => expectAgreement(Buffer.from(text))),
      { numRuns: 3_000 },
    )
  })

  test('takes nothing for JSON that JSON.parse refuses: one byte more, less or other', () => {
    const damage = fc.record({
      at: fc.nat(),
      cut: fc.integer({ min: 0, max: 2 }),
      put: fc.uint8Array({ maxLength: 2 }),
    })
    const byte = fc.constantFrom(...'{}[]",:\\ eE+-.0127tfnu\n\0')
    fc.assert(
      fc.property(json, damage, byte, fc.boolean(), (text, { at, cut, put }, character, isWild) => {
        const bytes = Buffer.from(text)
        const place = at % (bytes.length + 1)
        const inserted = isWild ? Buffer.from(put) : Buffer.from(character)
        expectAgreement(Buffer.concat([bytes.subarray(0, place), inserted, bytes.subarray(place + cut)]))
      }),
      { numRuns: 20_000 },
    )
  })

  test('agrees on every number, whole or cut', () => {
    const part = fc.constantFrom(
      '',
      '-',
      '0',
      '00',
      '7',
      '12345678901234567890123',
      '.',
      '.5',
      'e',
      'E+',
      'e-',
      'e9',
      ' ',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const value = Buffer.from(`{"a":${parts.join('')},"EventName":"x"}`)
        expect(scan(value)).toEqual(parsed(value))
      }),
      { numRuns: 3_000 },
    )
  })

  /** The scan compares 16 and 64 bytes at once, from wherever a string or number begins. */
  const everyOffset = Array.from({ length: 150 }, (_, offset) => offset)

  test.each([
    ['a text', '"EventName":"login"'],
    ['an empty text and name', '"":"","EventName":"x"'],
    ['a text of any length', '"a":"#","EventName":"#"'],
    ['a name of any length', '"#":1,"EventName":"x"'],
    ['escapes', '"a":"\\"\\\\#\\u00e9\\\\","EventName":"x"'],
    ['a number of any length', '"a":12#9,"b":-0.1#9,"c":1#9.5e-7,"EventName":"x"'],
    ['white space of any length', '"a" :  \n#s\n"b" , #s "EventName"#s: "x" #s'],
    ['lists', '"a":[[],{},[1,-2.5,true],[false,null]],"b":{"c":{"d":"e"}},"EventName":"x"'],
    ['the wrong brackets', '"a":[1}'],
    ['a comma too many', '"a":1,'],
    ['a colon in a list', '"a":["b":1]'],
    ['no name', '"a":{1}'],
    ['a control character', '"a":"#\u001f"'],
    ['an escape that is none', '"a":"#\\u00g0"'],
    ['a leading zero', '"a":01'],
    ['a point without digits', '"a":1.'],
    ['two points', '"a":1.2.3'],
    ['a word cut short', '"a":fals'],
  ])('agrees on %s at every offset', (_, members) => {
    const value = (offset: number) => {
      const filler = (character: string) => character.repeat(offset % 75)
      const filled = members.replaceAll('#9', filler('9')).replaceAll('#s', filler(' ')).replaceAll('#', filler('y'))
      return Buffer.from(`{"pad":"${'p'.repeat(offset)}",${filled}}`)
    }
    for (const offset of everyOffset) {
      expect(scan(value(offset)), `offset ${offset}`).toEqual(parsed(value(offset)))
      expect(scan(value(7), ' '.repeat(offset)), `address ${offset}`).toEqual(parsed(value(7)))
    }
  })

  test('ends with the value, whatever lies behind it', () => {
    const whole = Buffer.from(`{"EventNamespace":"acme","list":[1,"two",true],"EventName":"${'x'.repeat(70)}"}`)
    for (let length = 0; length < whole.length; length++)
      expect(scan(whole.subarray(0, length), '', whole.toString('utf8', length)), `${length} bytes`).toBe(null)
  })

  test('decides by itself what events are like', () => {
    for (const text of [
      '{"EventNamespace":"acme","EventName":"login","Payload":{"EventName":"x","n":[1,-2.5e3,true,false,null,{}]}}',
      '{"EventName":"a","EventName":7,"EventNamespace":"über","text":"a \\"quoted\\" \\u00e9 one"}',
      ' { "EventName" : "a" , "list" : [ ] } \n',
      `${' '.repeat(40)}{"EventName":"a"}${'\n'.repeat(40)}`,
      '{}',
    ])
      expect(scan(Buffer.from(text))).toEqual(parsed(Buffer.from(text)))
  })

  test.each([
    ['an escape in a name', '{"Event\\u004eame":"x"}'],
    ['an escape in a text that is looked for', '{"EventName":"a\\/b"}'],
    ['more than 127 levels', `${'{"a":'.repeat(128)}1${'}'.repeat(128)}`],
    ['a byte order mark', '\ufeff{}'],
    ['a list', '[{}]'],
    ['an end that is missing', '{"EventName":"x"'],
    ['a control character in a text', '{"a":"\t"}'],
    ['something behind', '{} {}'],
  ])('leaves %s to JSON.parse', (_, text) => {
    expect(scan(Buffer.from(text))).toBe(null)
  })

  test('tells whether a value is one line, in texts it does not count', () => {
    const hasLineBreak = (text: string) => scan(Buffer.from(text)) !== null && scanner.hasLineBreak
    expect(['{"a":"\\n"}', '{"a": 1\t}', '{"a":\n1}', '{}\r', '\n{}'].map(hasLineBreak)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ])
  })

  test('finds names of any length', () => {
    const long = new EnvelopeScan(['n'.repeat(16), 'n'.repeat(17), `${'n'.repeat(40)}a`])
    const value = Buffer.from(`{"${'n'.repeat(40)}b":"1","${'n'.repeat(40)}a":"12","${'n'.repeat(17)}":"123"}`)
    expect(long.scan(value, 0, value.length)).toBe(true)
    expect([0, 1, 2].map((field) => long.lengthOf(field))).toEqual([-1, 3, 2])
  })

  test('looks for the names that each scan was made for', () => {
    const others = new EnvelopeScan(['name'])
    const value = Buffer.from('{"EventName":"a","name":"b"}')
    for (const [each, length] of [
      [scanner, -1],
      [others, 1],
      [scanner, -1],
    ] as const) {
      expect(each.scan(value, 0, value.length)).toBe(true)
      expect(each.lengthOf(0)).toBe(length)
    }
  })

  test('takes a value of a megabyte, and no longer one', () => {
    const valueOfLength = (length: number) => Buffer.from(`{"EventName":"x","Payload":"${'y'.repeat(length - 30)}"}`)
    expect(scan(valueOfLength(1024 * 1024))).toEqual([null, 'x'])
    expect(scan(valueOfLength(1024 * 1024 + 1))).toBe(null)
    expect(scan(Buffer.from('{"EventName":"z"}'))).toEqual([null, 'z'])
  })
})
