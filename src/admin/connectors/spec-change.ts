import { isDeepStrictEqual } from 'node:util'
import { ADMIN_FIELD_MANAGER } from '../../contract/names.ts'
import { problemsOf } from '../../contract/problems.ts'
import { type AnalyticsConnectorSpec, specSchema } from '../../contract/resource.ts'
import type { ConnectorEdit } from '../../contract/rest-connector.ts'
import type { Connector } from '../../kube/connector-ids.ts'
import { otherOwners } from '../../kube/field-owners.ts'
import { ApiError } from '../api-error.ts'

/** The fields of a spec that the API changes; what is absent stays. */
export interface SpecChange {
  readonly active?: boolean
  readonly config?: ConnectorEdit['config']
  readonly filter?: AnalyticsConnectorSpec['filter']
}

/** A change as it is to be written, or nothing where it would change nothing. */
export interface SpecPatch {
  /** JSON merge patch of the spec (RFC 7386): null removes. */
  readonly patch: Readonly<Record<string, unknown>>
  /** The spec that it leads to. */
  readonly spec: AnalyticsConnectorSpec
  /** Names of the fields of config that it changes. */
  readonly configFields: readonly string[]
}

/**
 * What a PUT body asks to change.
 *
 * @throws ApiError 400 for a field that cannot be changed; one that is repeated with its value is no change
 */
export function changeOf(edit: ConnectorEdit, { metadata, spec }: Connector): SpecChange {
  const fixed = [
    ['connectorName', edit.connectorName, metadata.name],
    ['storageType', edit.storageType, spec.storageType],
    ['config.eventType', edit.config?.eventType, spec.config.eventType],
  ] as const
  for (const [path, wanted, is] of fixed) {
    if (wanted === undefined || wanted === is) continue
    throw invalid(
      `${path}: ${JSON.stringify(wanted)} is not allowed: must stay ${JSON.stringify(is)}, as it was at creation; delete the connector and create another to change it`,
    )
  }
  return {
    ...(edit.config === undefined ? {} : { config: edit.config }),
    ...(edit.filter === undefined ? {} : { filter: edit.filter }),
  }
}

/**
 * The patch that makes a change, of those fields only whose value differs.
 *
 * @throws ApiError 400 when the outcome breaks a rule, 409 when another field manager owns one of the fields
 */
export function patchOf(change: SpecChange, connector: Connector): SpecPatch | undefined {
  const { spec } = connector
  const changed = differing(change, spec)
  if (changed.length === 0) return undefined
  const next = withFields(spec, changed)
  const { error } = specSchema.safeParse(next, { reportInput: true })
  if (error) {
    throw invalid(
      problemsOf(error, specSchema)
        .map(({ path, message }) => `${path}: ${message}`)
        .join('; '),
    )
  }
  checkOwners(changed, connector)
  const configFields = changed.flatMap(({ path: [, name] }) => name ?? [])
  return { patch: mergePatchOf(changed, spec), spec: next, configFields }
}

interface FieldChange {
  /** Below the spec, one or two names. */
  readonly path: readonly [string] | readonly [string, string]
  readonly value: unknown
}

function differing({ active, config = {}, filter }: SpecChange, spec: AnalyticsConnectorSpec): FieldChange[] {
  const fields: FieldChange[] = [
    { path: ['active'], value: active },
    { path: ['filter'], value: filter },
    ...Object.entries(config).map(([name, value]): FieldChange => ({ path: ['config', name], value })),
  ]
  return fields.filter(({ path, value }) => value !== undefined && !isSame(value, valueAt(spec, path)))
}

/** `10000` and `"10000"` are the same to everybody who reads them, and so is an object whose members come in another order. */
function isSame(a: unknown, b: unknown): boolean {
  return isObject(a) ? isDeepStrictEqual(a, b) : b !== undefined && String(a) === String(b)
}

function valueAt(spec: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], spec)
}

function withFields(spec: AnalyticsConnectorSpec, changed: readonly FieldChange[]): AnalyticsConnectorSpec {
  const next: Record<string, unknown> = { ...spec, config: { ...spec.config } }
  for (const { path, value } of changed) {
    const [first, second] = path
    if (second === undefined) next[first] = value
    else (next[first] as Record<string, unknown>)[second] = value
  }
  return next as AnalyticsConnectorSpec
}

function mergePatchOf(changed: readonly FieldChange[], spec: AnalyticsConnectorSpec): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const { path, value } of changed) {
    const [first, second] = path
    const written = replacing(valueAt(spec, path), value)
    if (second === undefined) patch[first] = written
    else patch[first] = { ...(patch[first] as object | undefined), [second]: written }
  }
  return patch
}

/** A merge patch leaves the keys of an object that it does not name, at every depth: they are named, as null. */
function replacing(old: unknown, value: unknown): unknown {
  if (!isObject(old) || !isObject(value)) return value
  const gone = Object.keys(old).filter((key) => !Object.hasOwn(value, key))
  const kept = Object.entries(value).map(([key, each]) => [key, replacing(valueAt(old, [key]), each)])
  return Object.fromEntries([...kept, ...gone.map((key) => [key, null])])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkOwners(changed: readonly FieldChange[], connector: Connector): void {
  const owned = changed.flatMap(({ path }) => {
    const owners = otherOwners(connector, ['spec', ...path], ADMIN_FIELD_MANAGER)
    return owners.length === 0
      ? []
      : `${path.join('.')} is managed by ${owners.map((owner) => `"${owner}"`).join(', ')}`
  })
  if (owned.length > 0) throw new ApiError('fieldOwned', `${owned.join('; ')}: change it there`)
}

function invalid(message: string): ApiError {
  return new ApiError('validation', message)
}
