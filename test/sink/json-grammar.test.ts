import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isJson } from '../../src/sink/json-grammar.ts'

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

function expectAgreement(bytes: Buffer): void {
  if (isJson(bytes) !== parses(bytes)) expect.fail(`${JSON.stringify(bytes.toString('latin1'))}: ${parses(bytes)}`)
}

describe('the grammar of JSON', () => {
  test('takes what JSON.parse takes', () => {
    const spaces = fc.constantFrom(undefined, 1, '\t')
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), spaces, (value, space) => {
        expect(isJson(Buffer.from(` ${JSON.stringify(value, null, space)}\r\n`))).toBe(true)
      }),
    )
  })

  test('and nothing else: texts of tokens in any order, and bytes put in, left out or changed', () => {
    const tokens = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"":',
        '\\',
        '\\u',
        '\\u00e9',
        '\\n',
        '\\x',
        '\n',
        '\r',
        '\t',
        ' ',
        '\f',
      ],
      ...[
        '0',
        '-',
        '1',
        '10',
        '01',
        '.',
        '.5',
        'e',
        'E+',
        'e-1',
        '+',
        'true',
        'false',
        'null',
        'nul',
        '\u0000',
        'é',
        '\ufeff',
      ],
    )
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 10 }), (texts) => expectAgreement(Buffer.from(texts.join('')))),
      { numRuns: 5_000 },
    )
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.nat(2), fc.nat(255), (value, place, removed, byte) => {
        const text = Buffer.from(JSON.stringify(value))
        const at = place % text.length
        expectAgreement(Buffer.concat([text.subarray(0, at), Buffer.of(byte), text.subarray(at + removed)]))
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    ['', false],
    ['{"a":[1,{"b":[]}],"c":{}}', true],
    ['{"a":1,}', false],
    ['[1 2]', false],
    ['{"a":1}}', false],
    ['[1}', false],
    ['-0.10e+05', true],
    ['1.', false],
    ['"\\uD83D\\/"', true],
    ['"\\u00g0"', false],
    ['"\u0001"', false],
  ])('%j: %s', (text, is) => {
    expect(isJson(Buffer.from(text))).toBe(is)
    expect(parses(Buffer.from(text))).toBe(is)
  })

  test('is not deeper than memory: a level is a byte', () => {
    const depth = 2 ** 20
    expect(isJson(Buffer.concat([Buffer.alloc(depth, '['), Buffer.alloc(depth, ']')]))).toBe(true)
    expect(isJson(Buffer.alloc(depth, '['))).toBe(false)
  })
})
