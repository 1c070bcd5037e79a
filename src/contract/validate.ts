import { API_GROUP, KIND } from './names.ts'
import { type Problem, problemsOf } from './problems.ts'
import { type AnalyticsConnector, analyticsConnectorSchema, NAME_ALLOWED, NAME_PATTERN } from './resource.ts'

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
  const problems = [
    ...nameProblems(manifest),
    ...(result.error ? problemsOf(result.error, analyticsConnectorSchema) : []),
  ]
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
