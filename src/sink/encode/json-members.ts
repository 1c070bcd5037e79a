import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from '../json-bytes.ts'

/** Hears of one member of an object: where its name (without quotes) and its value stand in the bytes. */
export type VisitMember = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void

/**
 * Walks over the members of the JSON object in [start, end) without parsing their values, so that each can be taken as it
 * was written. Trusts that the bytes are JSON: of others it says false, or calls a member what is none.
 *
 * @returns false where the bytes are not an object
 */
export function visitMembers(json: Uint8Array, start: number, end: number, visit: VisitMember): boolean {
  let at = skipSpace(json, start, end)
  if (json[at] !== OPEN_BRACE) return false
  at = skipSpace(json, at + 1, end)
  if (json[at] === CLOSE_BRACE) return skipSpace(json, at + 1, end) === end
  while (at < end) {
    if (json[at] !== QUOTE) return false
    const nameEnd = endOfString(json, at, end)
    const colon = skipSpace(json, nameEnd, end)
    if (nameEnd === NONE || json[colon] !== COLON) return false
    const valueStart = skipSpace(json, colon + 1, end)
    const valueEnd = endOfValue(json, valueStart, end)
    if (valueEnd <= valueStart || valueEnd >= end) return false
    visit(at + 1, nameEnd - 1, valueStart, valueEnd)
    const next = skipSpace(json, valueEnd, end)
    if (json[next] === CLOSE_BRACE) return skipSpace(json, next + 1, end) === end
    if (json[next] !== COMMA) return false
    at = skipSpace(json, next + 1, end)
  }
  return false
}

const NONE = -1

function skipSpace(json: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && (json[at] as number) <= SPACE) at++
  return at
}

/** The position after a string's closing quote. */
function endOfString(json: Uint8Array, openQuote: number, end: number): number {
  for (let at = openQuote + 1; at < end; at++) {
    const byte = json[at]
    if (byte === QUOTE) return at + 1
    if (byte === BACKSLASH) at++
  }
  return NONE
}

function endOfValue(json: Uint8Array, start: number, end: number): number {
  const first = json[start]
  if (first === QUOTE) return endOfString(json, start, end)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(json, start, end)
  let at = start
  while (at < end && !endsScalar(json[at] as number)) at++
  return at
}

function endsScalar(byte: number): boolean {
  return byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET
}

function endOfNested(json: Uint8Array, start: number, end: number): number {
  let depth = 0
  for (let at = start; at < end; at++) {
    const byte = json[at] as number
    if (byte === QUOTE) {
      const afterString = endOfString(json, at, end)
      if (afterString === NONE) return NONE
      at = afterString - 1
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1
  }
  return NONE
}
