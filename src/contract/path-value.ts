import { createHash } from 'node:crypto'

const PLAIN = /^[A-Za-z0-9._-]+$/
const ONLY_DOTS = /^\.+$/
const DIGEST_DIGITS = 32

/**
 * Writes a value so that it cannot break a key: letters, digits, `.`, `_` and `-` stay, every other character becomes
 * `%XX` for each byte of its UTF-8 (as Hive and Spark write partition values). Two different values never give one
 * text: parentheses are always encoded, so they can mark what has no encoding of its own.
 *
 * - An empty value is `(empty)`, so that no folder name is empty.
 * - A value of dots only has its dots encoded, so that no folder name is `.` or `..`.
 * - A value whose text would be longer than `maxBytes` is cut, and ends in `(<128 bits of its SHA-256>)`.
 *
 * @param maxBytes at least 34, so that the digest has room
 */
export function encodeValue(value: string, maxBytes: number): string {
  if (value === '') return '(empty)'
  const text = PLAIN.test(value) && !ONLY_DOTS.test(value) ? value : encodeAll(value)
  return text.length <= maxBytes ? text : cut(text, maxBytes)
}

function encodeAll(value: string): string {
  const everything = ONLY_DOTS.test(value)
  let text = ''
  for (const character of value) text += !everything && PLAIN.test(character) ? character : percent(character)
  return text
}

/**
 * Lone surrogates, which JSON can carry, have no UTF-8: they are written as the three bytes that their code point would
 * have (WTF-8), since Node's encoder gives all of them the same replacement character.
 */
function percent(character: string): string {
  const code = character.charCodeAt(0)
  const bytes = character.isWellFormed()
    ? Buffer.from(character)
    : Buffer.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
  return bytes.toString('hex').toUpperCase().replace(/../g, '%$&')
}

/** The digest is over the whole encoded text, which the value can be told from. No `%XX` is cut in two. */
function cut(text: string, maxBytes: number): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS)
  const head = text.slice(0, maxBytes - DIGEST_DIGITS - 2).replace(/%[0-9A-F]?$/, '')
  return `${head}(${digest})`
}
