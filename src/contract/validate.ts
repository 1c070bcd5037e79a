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
  const given = withoutNulls(manifest)
  const result = parsed(given)
  const problems = [...nameProblems(given), ...(result.error ? problemsOf(result.error, analyticsConnectorSchema) : [])]
  return result.success && problems.length === 0 ? { connector: result.data, problems: [] } : { problems }
}

function parsed(manifest: unknown) {
  return analyticsConnectorSchema.safeParse(manifest, { reportInput: true })
}

/**
 * A field that may not be null is as good as left out, so that `kafka:` with nothing below it is no fault; in a list a null is one.
 * Source: "Defaulting and Nullable", Kubernetes documentation on CustomResourceDefinitions.
 */
function withoutNulls(manifest: unknown): unknown {
  const nulls = (parsed(manifest).error?.issues ?? []).filter(
    ({ input, path }) => input === null && typeof path.at(-1) === 'string',
  )
  if (nulls.length === 0) return manifest
  const copy: unknown = structuredClone(manifest)
  for (const { path } of nulls) {
    const parent = path.slice(0, -1).reduce<unknown>((node, part) => (node as Members)[part], copy) as Members
    delete parent[path.at(-1) ?? '']
  }
  return copy
}

type Members = Record<PropertyKey, unknown>

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
