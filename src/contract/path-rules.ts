import { celString, doesNotMatch, matches, type Rule } from './rule.ts'

/** Placeholders that stand for a value of any length, to be encoded. */
export const VALUE_PLACEHOLDERS = ['eventType', 'namespace', 'realm', 'topic', 'eventName'] as const
/** Placeholders that stand for two or four digits of the UTC time. */
export const TIME_PLACEHOLDERS = ['yyyy', 'MM', 'dd', 'hh', 'mm'] as const

export type ValuePlaceholder = (typeof VALUE_PLACEHOLDERS)[number]
export type TimePlaceholder = (typeof TIME_PLACEHOLDERS)[number]

/** Source: "Creating object key names", Amazon S3 User Guide: at most 1,024 bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024
/** Kept free for what is added before the extension (partition, offset) and for longer extensions. */
const RESERVED_BYTES = 64
/** Every value can have at least this many bytes of the key. Enough for a digest and the beginning of the value. */
const MIN_VALUE_BYTES = 64

const VALUE_PATTERN = `\\{(${VALUE_PLACEHOLDERS.join('|')})\\}`
const ALL_PLACEHOLDERS = [...VALUE_PLACEHOLDERS, ...TIME_PLACEHOLDERS]
const placeholderList = ALL_PLACEHOLDERS.map((name) => `{${name}}`).join(' ')

/**
 * Bytes that each value of a template may take: the fixed text (counted with its placeholders as they are written, which
 * is simple enough for CEL and never too little) leaves the rest to the values and to the topic in the object's name.
 */
export function bytesPerValue(template: string): number {
  const values = template.match(new RegExp(VALUE_PATTERN, 'g'))?.length ?? 0
  return Math.floor((MAX_KEY_BYTES - RESERVED_BYTES - Buffer.byteLength(template)) / (values + 1))
}

const room: Rule<string> = {
  cel: `bytes(self).size() + ${MIN_VALUE_BYTES} * (self.findAll(${celString(VALUE_PATTERN)}).size() + 1) <= ${MAX_KEY_BYTES - RESERVED_BYTES}`,
  holds: (template) => bytesPerValue(template) >= MIN_VALUE_BYTES,
  allowed: `must be shorter: an S3 key has ${MAX_KEY_BYTES} bytes, of which the object's own number takes ${RESERVED_BYTES}, and the topic and each value placeholder at least ${MIN_VALUE_BYTES}`,
}

/** What must hold of `customPath`, for the API server and for `parseTemplate` alike. In the order in which they are told. */
export const PATH_RULES: readonly Rule<string>[] = [
  matches('[^/]$', 'must end with a file name, such as {topic}.json'),
  matches(
    `^([^{}]|\\{(${ALL_PLACEHOLDERS.join('|')})\\})*$`,
    `must have braces only around placeholders, which are ${placeholderList}`,
  ),
  doesNotMatch('^/', 'must not begin with a slash'),
  doesNotMatch('//', 'must not have an empty folder name (//)'),
  doesNotMatch('(^|/)[.][.]?(/|$)', 'must not have . or .. as a folder or file name'),
  doesNotMatch('[\\x00-\\x1f\\x7f]', 'must not have control characters such as line breaks'),
  room,
]
