import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeValue } from '../../src/contract/path-value.ts'

const MAX = 64
/** Values near the places where an encoding goes wrong. */
const awkward = fc.oneof(
  fc.constantFrom('', '.', '..', '%', '(empty)', '\ud800', '\udfff', '\ufffd', '\ud83d'),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('.', '%', '(', ')', '2', 'E', '/', 'a', '\0', '\ud800', '\udfff', 'é', '😀', '@'),
  }),
  fc.string({ unit: fc.constantFrom('a', '%', 'é'), minLength: MAX - 4, maxLength: MAX + 8 }),
)

test.each([
  ['letters, digits, dots, hyphens and underscores stay', 'analytics_game.dev-1', 'analytics_game.dev-1'],
  ['a slash opens no folder', 'a/b', 'a%2Fb'],
  ['a dot name is no way up', '..', '%2E%2E'],
  ['dots inside a name stay', 'a..b', 'a..b'],
  ['a percent sign is encoded', 'a%2Fb', 'a%252Fb'],
  ['what marks a cut or empty value is encoded', '(empty)', '%28empty%29'],
  ['an empty value is no empty folder name', '', '(empty)'],
  ['other letters are written in UTF-8', 'é', '%C3%A9'],
  ['a pair of surrogates is one character', '😀', '%F0%9F%98%80'],
  ['a lone surrogate differs from its neighbour', '\ud800', '%ED%A0%80'],
  ['control characters are encoded', 'a\n\0', 'a%0A%00'],
  ['what begins an object’s topic is encoded', 'a@b', 'a%40b'],
])('%s', (_what, value, text) => {
  expect(encodeValue(value, MAX)).toBe(text)
})

test('a value that is too long is cut and told apart by a digest of the whole', () => {
  const one = encodeValue(`${'a'.repeat(100)}1`, MAX)
  const other = encodeValue(`${'a'.repeat(100)}2`, MAX)
  expect(one).toMatch(/^a{30}\([0-9a-f]{32}\)$/)
  expect(one).not.toBe(other)
})

test('a cut never leaves half of an encoded character', () => {
  for (let n = 0; n < 6; n++)
    expect(encodeValue(`${'a'.repeat(n)}${'é'.repeat(60)}`, MAX)).toMatch(/^a*(%[0-9A-F]{2})+\(/)
})

test('two different values never give one text', () => {
  fc.assert(
    fc.property(fc.uniqueArray(awkward, { minLength: 2, maxLength: 40 }), (values) => {
      expect(new Set(values.map((value) => encodeValue(value, MAX))).size).toBe(values.length)
    }),
    { numRuns: 500 },
  )
})

test('no value can break a key: printable ASCII, no slash, at least one character that is no dot, within its length', () => {
  fc.assert(
    fc.property(awkward, (value) => {
      const text = encodeValue(value, MAX)
      expect(text).toMatch(/^[A-Za-z0-9._%()-]+$/)
      expect(text).not.toMatch(/^\.+$/)
      expect(text.length).toBeLessThanOrEqual(MAX)
    }),
    { numRuns: 500 },
  )
})
