import * as z from 'zod'

/** One thing that is wrong with a document. */
export interface Problem {
  /** Where, as kubectl writes it: `spec.config.flushSize`, `spec.filter.acme[0]`. Empty for the document as a whole. */
  readonly path: string
  /** The value that was given and what is allowed. */
  readonly message: string
}

/** A node of a JSON schema, as far as field names are looked for. */
interface SchemaNode {
  readonly properties?: Readonly<Record<PropertyKey, SchemaNode>>
  readonly items?: SchemaNode
  readonly additionalProperties?: SchemaNode | boolean
}

/**
 * Zod's issues in words for people: field, value, what is allowed. The document must have been parsed with `reportInput`.
 *
 * @param schema what the document was parsed with; tells which fields there are beside an unknown one
 */
export function problemsOf({ issues }: z.ZodError, schema: z.ZodType): Problem[] {
  const ofWrongType = new Set(issues.filter(isWrongType).map(({ path }) => pathText(path)))
  // Zod counts the characters of a text that should have been a list.
  const meant = issues.filter((issue) => isWrongType(issue) || !ofWrongType.has(pathText(issue.path)))
  return meant.flatMap((issue) => problemsOfIssue(issue, schema))
}

function isWrongType({ code }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type'
}

function problemsOfIssue(issue: z.core.$ZodIssue, schema: z.ZodType): Problem[] {
  const path = pathText(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const fields = fieldNames(schema, issue.path)
    const message = `is not a field: ${fields.length === 0 ? 'none is allowed here' : `must be one of ${fields.join(', ')}`}`
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message }))
  }
  return [{ path, message: messageOf(issue) }]
}

/** How zod words what has no words of ours. */
const ZODS_OWN = /^(Invalid|Too|Unrecognized) /

function messageOf(issue: z.core.$ZodIssue): string {
  const { input } = issue
  if (issue.code === 'custom') return issue.message
  if (input === undefined) return `is required: ${expectationOf(issue)}`
  return `${shown(input)} is not allowed: ${expectationOf(issue)}`
}

function expectationOf(issue: z.core.$ZodIssue): string {
  if (!ZODS_OWN.test(issue.message)) return issue.message
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_big':
      return `must be at most ${sizeText(issue.maximum, issue.origin)}`
    case 'too_small':
      return `must be at least ${sizeText(issue.minimum, issue.origin)}`
    case 'invalid_format':
      return issue.pattern === undefined ? issue.message : `must match ${issue.pattern}`
    default:
      return issue.message
  }
}

/** The fields that may stand in the object at a path. */
function fieldNames(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const root = z.toJSONSchema(schema, { io: 'input' }) as SchemaNode
  const node = path.reduce<SchemaNode | undefined>((parent, part) => {
    const every = parent?.items ?? parent?.additionalProperties
    return parent?.properties?.[part] ?? (typeof every === 'object' ? every : undefined)
  }, root)
  return Object.keys(node?.properties ?? {})
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false, without quotes',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

function sizeText(size: number | bigint, origin: string): string {
  if (origin === 'string') return `${size} characters long`
  return origin === 'array' ? `${size} items long` : String(size)
}

/** The value in one line, cut where it is long: a whole object says less than its beginning. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}
