/**
 * `customPath`: from a record's values and time to an object's key, in two steps so that a sink renders fast. `pathFor`
 * gives the path that records share (a sink caches it by its arguments); `keyFor` makes it the key of one object.
 * Pure: no clock, nothing random, nothing of the machine, so that a replay gives the same keys.
 */
import { type FileFormat, objectExtension } from './file-format.ts'
import {
  bytesPerValue,
  PATH_RULES,
  TIME_PLACEHOLDERS,
  type TimePlaceholder,
  type ValuePlaceholder,
} from './path-rules.ts'
import { encodeValue } from './path-value.ts'
import { refusal } from './rule.ts'

/** Separates the topic in an object's name. Encoded in every value, so what follows the last one is the topic. */
const TOPIC_MARK = '@'
/** Kafka's longest topic name; a longer value is a mistake and is cut with a digest. */
const MAX_VALUE_BYTES = 249
/** 9999-12-31T23:59:59.999Z, the last year of four digits. */
const LAST_TIMESTAMP_MS = 253_402_300_799_999

/** What is the same for all records and objects of a configuration. */
export type PathConstants = FileFormat & { readonly eventType: string; readonly realm: string }

/** A customPath that cannot be used. The message names the template and what is allowed. */
export class PathTemplateError extends Error {
  override readonly name = 'PathTemplateError'
}

type Token = { readonly literal: string } | { readonly value: ValuePlaceholder } | { readonly time: TimePlaceholder }

export interface ParsedTemplate {
  readonly tokens: readonly Token[]
  /** Every value placeholder that occurs; what does not occur need not be read from a record. */
  readonly values: ReadonlySet<ValuePlaceholder>
  /** What the template ends in, from its last dot, `.json.gz` as a whole; empty where it has none. */
  readonly extension: string
  /** Bytes of the key that each value may take. */
  readonly maxValueBytes: number
}

export interface PathValues {
  readonly namespace: string
  readonly topic: string
  readonly eventName: string
  /** Milliseconds since the epoch. */
  readonly timestampMs: number
}

export interface ObjectPosition {
  readonly topic: string
  readonly partition: number
  /** First offset of the set that the object belongs to. */
  readonly startOffset: bigint
  /** Written from 1 on: a range of offsets that is written again under another epoch has keys of its own. */
  readonly epoch: number
}

export interface CompiledTemplate {
  /** Whether a record's own namespace or event name must be known for its path. */
  readonly needsNamespace: boolean
  readonly needsEventName: boolean
  /** Start of the time partition that a timestamp falls into, milliseconds since the epoch. */
  partitionStartMs(timestampMs: number): number
  /** The path of a record. Records of one set with the same path belong into the same object. */
  pathFor(values: PathValues): string
  /** The key of the object with this path. Different paths, topics, partitions or offsets give different keys. */
  keyFor(path: string, position: ObjectPosition): string
}

/** @throws {PathTemplateError} naming the first rule of `PATH_RULES` that does not hold */
export function parseTemplate(template: string): ParsedTemplate {
  const broken = PATH_RULES.find(({ holds }) => !holds(template))
  if (broken) throw new PathTemplateError(`customPath: ${refusal(broken, template)}`)
  const tokens = tokenize(template)
  return {
    tokens,
    values: new Set(tokens.flatMap((token) => ('value' in token ? token.value : []))),
    extension: extensionOf(template),
    maxValueBytes: Math.min(MAX_VALUE_BYTES, bytesPerValue(template)),
  }
}

/**
 * @param partitionDurationMs length of a time partition; divides a day
 * @throws {PathTemplateError} if the template breaks a rule
 */
export function compileTemplate(
  template: string,
  partitionDurationMs: number,
  constants: PathConstants,
): CompiledTemplate {
  const { tokens, values, extension, maxValueBytes } = parseTemplate(template)
  const encode = (value: string) => encodeValue(value, maxValueBytes)
  const withConstants = insertConstants(tokens, constants, encode)
  const partitionStartMs = (timestampMs: number) => startOf(timestampMs, partitionDurationMs)
  const namesTopic = pathTellsTopic(template)
  const ending = objectExtension(extension, constants)
  return {
    needsNamespace: values.has('namespace'),
    needsEventName: values.has('eventName'),
    partitionStartMs,
    pathFor: (record) =>
      render(withConstants, { ...constants, ...record }, partitionStartMs(record.timestampMs), encode),
    keyFor: (path, { topic, partition, startOffset, epoch }) => {
      const base = path.slice(0, path.length - extension.length)
      const topicPart = namesTopic ? '' : `${TOPIC_MARK}${encode(topic)}`
      return `${base}${topicPart}-${positionPart(partition, startOffset, epoch)}${ending}`
    },
  }
}

/**
 * A template with its constants put in and the extension that its objects have. Two configurations of which this is equal give a record of
 * the same time partition, in a set of the same start, the same key.
 *
 * @throws {PathTemplateError} if the template breaks a rule
 */
export function keyPattern(template: string, constants: PathConstants): string {
  const { tokens, extension, maxValueBytes } = parseTemplate(template)
  const path = insertConstants(tokens, constants, (value) => encodeValue(value, maxValueBytes))
    .map((token) => ('literal' in token ? token.literal : `{${'value' in token ? token.value : token.time}}`))
    .join('')
  return path.slice(0, path.length - extension.length) + objectExtension(extension, constants)
}

/** What ends an object's name before its extension. */
export function positionPart(partition: number, startOffset: bigint, epoch: number): string {
  return `${digits(partition, 5)}-${digits(startOffset, 20)}${epoch === 0 ? '' : `-e${epoch}`}`
}

function tokenize(template: string): Token[] {
  return template
    .split(/(\{[A-Za-z]+\})/)
    .filter((text) => text !== '')
    .map((text) => (text.startsWith('{') ? placeholderToken(text.slice(1, -1)) : { literal: text }))
}

function placeholderToken(name: string): Token {
  const time = TIME_PLACEHOLDERS.find((placeholder) => placeholder === name)
  return time ? { time } : { value: name as ValuePlaceholder }
}

function insertConstants(
  tokens: readonly Token[],
  constants: PathConstants,
  encode: (value: string) => string,
): Token[] {
  return tokens.map((token) =>
    'value' in token && (token.value === 'eventType' || token.value === 'realm')
      ? { literal: encode(constants[token.value]) }
      : token,
  )
}

/** Only of the template's own text: a dot in a value begins no extension. */
function extensionOf(template: string): string {
  const ownEnding = /[^/}]*$/.exec(template)?.[0] ?? ''
  return /(\.[^.]*)?\.(gz|zst)$|\.[^.]*$/.exec(ownEnding)?.[0] ?? ''
}

/**
 * Whether two topics can never have the same path: some folder or file name holds the topic and no other value of a
 * record. (`{namespace}-{topic}` does not tell: "a-b" and "c" look like "a" and "b-c".)
 */
function pathTellsTopic(template: string): boolean {
  return template.split('/').some((name) => name.includes('{topic}') && !/\{(namespace|eventName)\}/.test(name))
}

/** Times that four digits of a year cannot show count as the nearest that they can. -1, Kafka's "none", is 1970. */
function startOf(timestampMs: number, durationMs: number): number {
  const shown = timestampMs > 0 ? Math.min(timestampMs, LAST_TIMESTAMP_MS) : 0
  return shown - (shown % durationMs)
}

function render(
  tokens: readonly Token[],
  values: Readonly<Record<ValuePlaceholder, string>>,
  startMs: number,
  encode: (value: string) => string,
): string {
  const start = new Date(startMs)
  let path = ''
  for (const token of tokens) {
    if ('literal' in token) path += token.literal
    else if ('time' in token) path += timePart(token.time, start)
    else path += encode(values[token.value])
  }
  return path
}

function timePart(placeholder: TimePlaceholder, start: Date): string {
  switch (placeholder) {
    case 'yyyy':
      return digits(start.getUTCFullYear(), 4)
    case 'MM':
      return digits(start.getUTCMonth() + 1, 2)
    case 'dd':
      return digits(start.getUTCDate(), 2)
    case 'hh':
      return digits(start.getUTCHours(), 2)
    case 'mm':
      return digits(start.getUTCMinutes(), 2)
  }
}

function digits(value: number | bigint, length: number): string {
  return String(value).padStart(length, '0')
}
