import { underscoreForm } from '../contract/topic-pattern.ts'
import { visitMembers } from './encode/json-members.ts'
import { CR, LF, QUOTE, SPACE, TAB } from './json-bytes.ts'
import { isJson } from './json-grammar.ts'

/** What routing needs to know about an event; null where the event does not say it. */
export interface Envelope {
  readonly namespace: string | null
  readonly eventName: string | null
  /** The event's own time, as it was written. */
  readonly timestamp: string | null
}

/** Why a value has no envelope. */
export type EnvelopeFault = 'not_json' | 'not_object'

/** The envelope's names. */
export interface EnvelopeFields {
  readonly namespace: string
  readonly eventName: string
  readonly timestamp: string
}

const GAME_TELEMETRY: EnvelopeFields = {
  namespace: 'EventNamespace',
  eventName: 'EventName',
  timestamp: 'EventTimestamp',
}
const SERVICE_EVENT: EnvelopeFields = { namespace: 'namespace', eventName: 'name', timestamp: 'timestamp' }

/** The envelope's field names: PascalCase for events of game clients, camelCase for all others. */
export function envelopeFieldsOf(eventType: string): EnvelopeFields {
  return underscoreForm(eventType) === 'game_telemetry' ? GAME_TELEMETRY : SERVICE_EVENT
}

/** JSON.parse makes up to thirty times as much of a value: longer ones are not given to it, nor texts in them that are longer. */
const LONGEST_PARSED = 1024 * 1024

/** Reads the envelope from an event's bytes. Reads only; the bytes are delivered as they were produced. */
export function readEnvelope(value: Buffer, fields: EnvelopeFields): Envelope | EnvelopeFault {
  if (value.length > LONGEST_PARSED) return readLongEnvelope(value, fields)
  let event: unknown
  try {
    event = JSON.parse(value.toString('utf8'))
  } catch {
    return 'not_json'
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'not_object'
  return {
    namespace: text(event, fields.namespace),
    eventName: text(event, fields.eventName),
    timestamp: text(event, fields.timestamp),
  }
}

function text(event: object, field: string): string | null {
  const value: unknown = Object.hasOwn(event, field) ? event[field as keyof typeof event] : null
  return typeof value === 'string' && value !== '' ? value : null
}

/** As `readEnvelope`, but a text of more than LONGEST_PARSED bytes, which names nothing, counts as not there. */
function readLongEnvelope(value: Buffer, fields: EnvelopeFields): Envelope | EnvelopeFault {
  if (!isJson(value)) return 'not_json'
  const members = new Map<string, string | null>(Object.values(fields).map((name) => [name, null]))
  const parsed = (start: number, end: number): unknown =>
    end - start > LONGEST_PARSED ? null : JSON.parse(value.toString('utf8', start, end))
  const isObject = visitMembers(value, 0, value.length, (nameStart, nameEnd, valueStart, valueEnd) => {
    const name = parsed(nameStart - 1, nameEnd + 1)
    if (typeof name !== 'string' || !members.has(name)) return
    // Of a name that occurs twice the last counts, whatever its value is.
    const text = value[valueStart] === QUOTE ? parsed(valueStart, valueEnd) : null
    members.set(name, typeof text === 'string' && text !== '' ? text : null)
  })
  if (!isObject) return 'not_object'
  const textOf = (name: string) => members.get(name) ?? null
  return {
    namespace: textOf(fields.namespace),
    eventName: textOf(fields.eventName),
    timestamp: textOf(fields.timestamp),
  }
}

/** Whether a value can be written as a line as it is. */
export function isOneLine(json: Buffer): boolean {
  return !json.includes(LF) && !json.includes(CR)
}

/**
 * Makes pretty-printed JSON one line: line breaks and the indentation after them go, every other byte stays. JSON allows
 * a raw line break only between tokens (RFC 8259 §7), so nothing inside a string is touched.
 *
 * @param json bytes that parsed as JSON
 */
export function asOneLine(json: Buffer): Buffer {
  const line = Buffer.allocUnsafeSlow(json.length)
  let length = 0
  let indenting = false
  for (const byte of json) {
    indenting = byte === LF || byte === CR || (indenting && (byte === SPACE || byte === TAB))
    if (!indenting) line[length++] = byte
  }
  return line.subarray(0, length)
}
