import { isUtf8 } from 'node:buffer'
import { ApiError } from './api-error.ts'

/** Bytes of a body. */
export const MAX_BODY_BYTES = 1_048_576
/** Levels of objects and lists; a connector has five. What is deeper would only exhaust the stack of whatever walks it. */
const MAX_DEPTH = 32
/** By this key a careless copy would change an object's prototype. No field is named so. */
const PROTOTYPE_KEY = '__proto__'

/**
 * Parses a body; an empty one is undefined.
 *
 * @throws ApiError 400
 */
export function parseJsonBody(body: Buffer): unknown {
  // Otherwise what a client wrote in another encoding would be stored with U+FFFD in it, as a name or path that nobody meant.
  if (!isUtf8(body)) throw new ApiError('unparsableBody', 'the body is not JSON: must be UTF-8')
  // Editors of Windows begin a file with U+FEFF, which RFC 8259 §8.1 lets a reader pass over.
  const text = body.toString().replace(/^\ufeff/, '')
  if (text.trim() === '') return undefined
  if (depthOf(text) > MAX_DEPTH) {
    throw new ApiError('unparsableBody', `the body is nested too deep: must have at most ${MAX_DEPTH} levels`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // V8 quotes the text around the fault, which may be a secret; the place is enough.
    const place = /at position \d+( \(line \d+ column \d+\))?/.exec(String(error))?.[0]
    throw new ApiError('unparsableBody', `the body is not JSON${place ? `: ${place}` : ''}`)
  }
  checkNames(text)
  return value
}

/**
 * What JSON.parse does not refuse. Of a name that an object has twice it keeps the last value and says nothing: of a filter that names a
 * namespace twice, the topics of the first would never be delivered.
 *
 * @throws ApiError 400
 */
function checkNames(json: string): void {
  const namesOfOpenObjects: Set<string>[] = []
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    const names = namesOfOpenObjects.at(-1)
    if (token === '{') namesOfOpenObjects.push(new Set())
    else if (token === '}') namesOfOpenObjects.pop()
    else if (names && text !== undefined && colon !== undefined) {
      const name: string = JSON.parse(text)
      if (name === PROTOTYPE_KEY) throw new ApiError('validation', `${PROTOTYPE_KEY}: is not a field`)
      if (names.has(name)) {
        throw new ApiError('validation', `${text.slice(0, 120)} stands twice in one object: must stand there once`)
      }
      names.add(name)
    }
  }
}

/** Levels of nesting, without recursion; brackets in strings do not count. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth--
  }
  return deepest
}
