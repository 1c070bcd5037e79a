import type * as z from 'zod'
import { rootSchema, type SchemaNode } from './crd.ts'
import { API_GROUP, KIND } from './names.ts'
import { type AnalyticsConnector, analyticsConnectorSchema, NAME_ALLOWED, NAME_PATTERN } from './resource.ts'

/** One thing that is wrong with a manifest. */
export interface Problem {
  /** Where, as kubectl writes it: `spec.config.flushSize`, `spec.filter.acme[0]`. Empty for the document as a whole. */
  readonly path: string
  /** The value that was given and what is allowed. */
  readonly message: string
}

export type Validated =
  | { readonly connector: AnalyticsConnector; readonly problems: readonly [] }
  | { readonly connector?: never; readonly problems: readonly Problem[] }

const namePattern = new RegExp(NAME_PATTERN)

/**
 * Checks a parsed manifest by the rules of the API server, cross-field ones and unknown fields included, so that what
 * passes here is accepted there. What only the API server can know is left to it (immutable fields, names in use).
 */
export function validateManifest(manifest: unknown): Validated {
  const result = analyticsConnectorSchema.safeParse(manifest, { reportInput: true })
  const problems = [...nameProblems(manifest), ...(result.error?.issues ?? []).flatMap((issue) => problemsOf(issue))]
  return result.success && problems.length === 0 ? { connector: result.data, problems: [] } : { problems }
}

/** Whether a parsed document claims to be an AnalyticsConnector of any version. */
export function isConnectorManifest(manifest: unknown): boolean {
  if (typeof manifest !== 'object' || manifest === null) return false
  const { apiVersion, kind } = manifest as { apiVersion?: unknown; kind?: unknown }
  return kind === KIND || (typeof apiVersion === 'string' && apiVersion.startsWith(`${API_GROUP}/`))
}

/** The root rule of the CRD: what is named after the connector must have a legal name too. */
function nameProblems(manifest: unknown): Problem[] {
  const name = (manifest as { metadata?: { name?: unknown } } | null)?.metadata?.name
  if (typeof name !== 'string' || namePattern.test(name)) return []
  return [{ path: 'metadata.name', message: `"${name}" is not allowed: ${NAME_ALLOWED}` }]
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = pathText(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const message = `is not a field: must be one of ${fieldNames(issue.path).join(', ')}`
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message }))
  }
  return [{ path, message: messageOf(issue) }]
}

function messageOf(issue: z.core.$ZodIssue): string {
  const { input } = issue
  if (issue.code === 'custom') return issue.message
  if (input === undefined) return `is required: ${expectationOf(issue)}`
  return `${shown(input)} is not allowed: ${expectationOf(issue)}`
}

function expectationOf(issue: z.core.$ZodIssue): string {
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
function fieldNames(path: readonly PropertyKey[]): string[] {
  const node = path.reduce<SchemaNode | undefined>((parent, part) => {
    const properties = parent?.properties as Record<PropertyKey, SchemaNode> | undefined
    return properties?.[part] ?? ((parent?.items ?? parent?.additionalProperties) as SchemaNode | undefined)
  }, rootSchema())
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
