import {
  BACKSLASH,
  CLOSE_BRACE,
  COLON,
  COMMA,
  CR,
  LF,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  TAB,
} from './json-bytes.ts'

const [PLUS, MINUS, POINT, ZERO, NINE, LETTER_E, LETTER_U] = [0x2b, 0x2d, 0x2e, 0x30, 0x39, 0x65, 0x75]
/** From an opening bracket to the one that closes it. */
const TO_CLOSING = CLOSE_BRACE - OPEN_BRACE
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'))
const HEX_DIGITS = /^[0-9a-fA-F]{4}$/
const WORDS = ['true', 'false', 'null'].map((word) => Buffer.from(word))
const NONE = -1

/**
 * Whether bytes are one JSON text (RFC 8259), as JSON.parse would say, but nothing is made of them: JSON.parse takes thirty times the size of
 * `[[[…]]]` or `[{},{},…]`, so that one record of 20 MB ends the process, each time that it is read. Needs a byte for each bracket that is open.
 */
export function isJson(json: Buffer): boolean {
  const open = new Uint8Array(json.length)
  let depth = 0
  let at = skipSpace(json, 0)
  while (at !== NONE) {
    const first = json[at] as number
    const isNested = first === OPEN_BRACE || first === OPEN_BRACKET
    const inside = isNested ? skipSpace(json, at + 1) : at
    if (isNested && json[inside] !== first + TO_CLOSING) {
      open[depth++] = first
      at = beginOfValue(json, inside, first)
      continue
    }
    const end = isNested ? inside + 1 : endOfScalar(json, at)
    if (end === NONE) return false
    at = skipSpace(json, end)
    while (depth > 0 && json[at] === (open[depth - 1] as number) + TO_CLOSING) {
      depth--
      at = skipSpace(json, at + 1)
    }
    if (depth === 0) return at === json.length
    if (json[at] !== COMMA) return false
    at = beginOfValue(json, skipSpace(json, at + 1), open[depth - 1] as number)
  }
  return false
}

/** Behind the name of a member; an element of a list begins at once. */
function beginOfValue(json: Buffer, at: number, within: number): number {
  if (within === OPEN_BRACKET) return at
  const nameEnd = json[at] === QUOTE ? endOfString(json, at) : NONE
  const colon = nameEnd === NONE ? NONE : skipSpace(json, nameEnd)
  return colon !== NONE && json[colon] === COLON ? skipSpace(json, colon + 1) : NONE
}

function skipSpace(json: Buffer, from: number): number {
  let at = from
  for (let byte = json[at]; byte === SPACE || byte === LF || byte === CR || byte === TAB; byte = json[at]) at++
  return at
}

function endOfScalar(json: Buffer, at: number): number {
  if (json[at] === QUOTE) return endOfString(json, at)
  const word = WORDS.find((bytes) => json[at] === bytes[0])
  if (word === undefined) return endOfNumber(json, at)
  return json.subarray(at, at + word.length).equals(word) ? at + word.length : NONE
}

/** The position after the closing quote. */
function endOfString(json: Buffer, openQuote: number): number {
  for (let at = openQuote + 1; at < json.length; at++) {
    const byte = json[at] as number
    if (byte === QUOTE) return at + 1
    if (byte < SPACE) return NONE
    if (byte !== BACKSLASH) continue
    const escaped = json[++at] as number
    if (escaped === LETTER_U) {
      if (!HEX_DIGITS.test(json.toString('latin1', at + 1, at + 5))) return NONE
      at += 4
    } else if (!ESCAPES.has(escaped)) return NONE
  }
  return NONE
}

function endOfNumber(json: Buffer, start: number): number {
  const whole = json[start] === MINUS ? start + 1 : start
  let end = json[whole] === ZERO ? whole + 1 : endOfDigits(json, whole)
  if (end !== NONE && json[end] === POINT) end = endOfDigits(json, end + 1)
  if (end === NONE || ((json[end] as number) | 0x20) !== LETTER_E) return end
  const isSigned = json[end + 1] === PLUS || json[end + 1] === MINUS
  return endOfDigits(json, end + (isSigned ? 2 : 1))
}

/** Of one digit or more. */
function endOfDigits(json: Buffer, start: number): number {
  let at = start
  while ((json[at] as number) >= ZERO && (json[at] as number) <= NINE) at++
  return at === start ? NONE : at
}
