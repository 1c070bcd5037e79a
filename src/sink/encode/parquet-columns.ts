import { isUtf8 } from 'node:buffer'
import type { SchemaElement } from 'hyparquet-writer'
import { underscoreForm } from '../../contract/topic-pattern.ts'
import { LINE_END } from '../byte-log.ts'
import { readEventTime } from '../event-time.ts'
import { BACKSLASH, CLOSE_BRACE, COMMA, OPEN_BRACE, QUOTE } from '../json-bytes.ts'
import { type VisitMember, visitMembers } from './json-members.ts'

/** `text`: a JSON string, without quotes and escapes. `time`: an RFC 3339 string. `json`: any value, as it was written. */
type ColumnType = 'text' | 'time' | 'json'
type Columns = Readonly<Record<string, ColumnType>>

/** What has no column of its own, as a JSON object. */
const OTHER_FIELDS = 'other_fields'

const GAME_TELEMETRY: Columns = {
  EventId: 'text',
  EventNamespace: 'text',
  EventName: 'text',
  EventTimestamp: 'time',
  ClientTimestamp: 'time',
  UserId: 'text',
  UserNamespace: 'text',
  ClientId: 'text',
  DeviceType: 'text',
  Payload: 'json',
}

const SERVICE_EVENT: Columns = {
  id: 'text',
  namespace: 'text',
  name: 'text',
  timestamp: 'time',
  userId: 'text',
  clientId: 'text',
  traceId: 'text',
  sessionId: 'text',
  version: 'text',
  payload: 'json',
}

/** The columns of an event type: the fields of its envelope, by their own names. */
export function columnsOf(eventType: string): Columns {
  return underscoreForm(eventType) === 'game_telemetry' ? GAME_TELEMETRY : SERVICE_EVENT
}

export function schemaOf(columns: Columns): SchemaElement[] {
  const elements = [...Object.entries(columns), [OTHER_FIELDS, 'json'] as const].map(([name, type]): SchemaElement => {
    const column = { name, repetition_type: 'OPTIONAL' } as const
    if (type !== 'time')
      return { ...column, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }
    const logical = { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } as const
    return { ...column, type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type: logical }
  })
  return [{ name: 'event', num_children: elements.length }, ...elements]
}

type Value = Uint8Array | bigint | null

export interface ColumnData {
  readonly name: string
  readonly type: ColumnType
  readonly data: Value[]
}

/**
 * Turns lines of JSON into columns, so that nothing of an event is lost: a field without a column, or with a value that
 * its column cannot give back, is in `other_fields` as it was written. Null and absent are one. Of a field that occurs twice
 * the last counts, as everywhere in JSON.
 *
 * @param lines JSON objects, each ended with a line feed. The columns' values are slices of it.
 */
export function columnsFrom(lines: Uint8Array, columns: Columns): ColumnData[] {
  // A Parquet string must be UTF-8, or readers refuse the whole file.
  const text = isUtf8(lines) ? lines : Buffer.from(Buffer.from(lines).toString('utf8'))
  const builder = new ColumnBuilder(text, columns)
  for (let start = 0; start < text.length; ) {
    const lineEnd = text.indexOf(LINE_END, start)
    const end = lineEnd === -1 ? text.length : lineEnd
    builder.addRow(start, end)
    start = end + 1
  }
  return builder.columns()
}

class ColumnBuilder {
  readonly #text: Uint8Array
  readonly #columns: ReadonlyMap<string, ColumnData>
  readonly #others: ColumnData = { name: OTHER_FIELDS, type: 'json', data: [] }
  readonly #fields: FieldGuess
  /** Of the row that is being read: where the members that go to `other_fields` begin and end. There may be as many as an event has bytes for. */
  #otherMembers: number[] = []
  #row = 0

  constructor(text: Uint8Array, columns: Columns) {
    this.#text = text
    this.#columns = new Map(Object.entries(columns).map(([name, type]) => [name, { name, type, data: [] }]))
    this.#fields = new FieldGuess(text)
  }

  addRow(start: number, end: number): void {
    this.#otherMembers = []
    this.#fields.newRow()
    const isObject = visitMembers(this.#text, start, end, this.#addMember)
    if (!isObject) this.#set(this.#others, slice(this.#text, start, end))
    else if (this.#otherMembers.length > 0) this.#set(this.#others, jsonObject(this.#text, this.#otherMembers))
    this.#row++
  }

  columns(): ColumnData[] {
    const all = [...this.#columns.values(), this.#others]
    for (const { data } of all) fill(data, this.#row)
    return all
  }

  readonly #addMember: VisitMember = (nameStart, nameEnd, valueStart, valueEnd) => {
    const column = this.#columns.get(this.#fields.nameAt(nameStart, nameEnd))
    const typed = column && typedValue(column.type, slice(this.#text, valueStart, valueEnd))
    if (column) this.#set(column, typed?.value ?? null)
    if (!typed?.isWhole) this.#otherMembers.push(nameStart - 1, valueEnd)
  }

  #set({ data }: ColumnData, value: Value): void {
    fill(data, this.#row)
    data[this.#row] = value
  }
}

/** Rows that say nothing of a column have null in it. */
function fill(data: Value[], length: number): void {
  while (data.length < length) data.push(null)
}

/** Names that are kept, far more than the fields of events that are none by mistake. */
const MOST_NAMES = 256

/** Decodes names of fields. Events of one kind have their fields in one order, so the row before mostly tells the name at once. */
class FieldGuess {
  readonly #text: Uint8Array
  readonly #known: { readonly start: number; readonly end: number; readonly name: string }[] = []
  #index = 0

  constructor(text: Uint8Array) {
    this.#text = text
  }

  newRow(): void {
    this.#index = 0
  }

  nameAt(start: number, end: number): string {
    const index = this.#index++
    const known = this.#known[index]
    if (known && this.#isSame(known, start, end)) return known.name
    const bytes = slice(this.#text, start, end)
    const name = bytes.includes(BACKSLASH) ? String(JSON.parse(`"${utf8(bytes)}"`)) : utf8(bytes)
    if (index < MOST_NAMES) this.#known[index] = { start, end, name }
    return name
  }

  #isSame(known: { start: number; end: number }, start: number, end: number): boolean {
    const length = end - start
    if (known.end - known.start !== length) return false
    for (let i = 0; i < length; i++) if (this.#text[known.start + i] !== this.#text[start + i]) return false
    return true
  }
}

interface TypedValue {
  readonly value: Value
  /** Whether the column says all that the JSON said. */
  readonly isWhole: boolean
}

const LETTER_N = 0x6e

function typedValue(type: ColumnType, json: Uint8Array): TypedValue | undefined {
  if (json[0] === LETTER_N) return { value: null, isWhole: true }
  if (type === 'json') return { value: json, isWhole: true }
  if (json[0] !== QUOTE) return undefined
  if (type === 'text') return textValue(json)
  const time = readEventTime(utf8(slice(json, 1, json.length - 1)))
  if (time === null) return undefined
  return { value: BigInt(time.timestampMs) * 1_000n + BigInt(time.micros), isWhole: time.isWhole }
}

/** Half a surrogate pair, which JSON can carry as an escape, has no UTF-8. */
function textValue(json: Uint8Array): TypedValue | undefined {
  if (!json.includes(BACKSLASH)) return { value: slice(json, 1, json.length - 1), isWhole: true }
  const text: unknown = JSON.parse(utf8(json))
  return typeof text === 'string' && text.isWellFormed() ? { value: Buffer.from(text), isWhole: true } : undefined
}

/** As `subarray`, at half the price: it is done for every value. */
function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

/** @param members where each begins and ends in the text */
function jsonObject(text: Uint8Array, members: readonly number[]): Buffer {
  const place = (index: number) => members[index] as number
  let length = 1
  for (let i = 0; i < members.length; i += 2) length += 1 + place(i + 1) - place(i)
  const json = Buffer.alloc(length, COMMA)
  let at = 0
  for (let i = 0; i < members.length; i += 2) {
    json.set(slice(text, place(i), place(i + 1)), at + 1)
    at += 1 + place(i + 1) - place(i)
  }
  json[0] = OPEN_BRACE
  json[at] = CLOSE_BRACE
  return json
}
