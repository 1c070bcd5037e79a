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
  const text = body.toString()
  if (text.trim() === '') return undefined
  if (depthOf(text) > MAX_DEPTH) {
    throw new ApiError('unparsableBody', `the body is nested too deep: must have at most ${MAX_DEPTH} levels`)
  }
  let isPoisoned = false
  let value: unknown
  try {
    value = JSON.parse(text, (key, each: unknown) => {
      if (key === PROTOTYPE_KEY) isPoisoned = true
      return each
    })
  } catch (error) {
    // V8 quotes the text around the fault, which may be a secret; the place is enough.
    const place = /at position \d+( \(line \d+ column \d+\))?/.exec(String(error))?.[0]
    throw new ApiError('unparsableBody', `the body is not JSON${place ? `: ${place}` : ''}`)
  }
  if (isPoisoned) throw new ApiError('validation', `${PROTOTYPE_KEY}: is not a field`)
  return value
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
