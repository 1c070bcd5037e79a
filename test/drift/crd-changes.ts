/**
 * What a change of the CRD does to the connectors that clusters hold. A version that is stored anywhere may only grow: the API
 * server prunes what the schema no longer names, and refuses the next edit of what is no longer valid.
 * Source: Kubernetes API conventions, "On compatibility"; API changes, "incompatible changes".
 */
export interface Schema {
  readonly [keyword: string]: unknown
}

export interface Crd {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly scope: string
    readonly names: { readonly plural: string; readonly kind: string; readonly shortNames?: readonly string[] }
    readonly versions: readonly CrdVersion[]
  }
}

interface CrdVersion {
  readonly name: string
  readonly served: boolean
  readonly storage: boolean
  readonly schema: { readonly openAPIV3Schema: Schema }
  readonly subresources?: Readonly<Record<string, unknown>>
}

/** One line for each way in which `after` breaks what was made for `before`; none when it only grows. */
export function incompatibilities(before: Crd, after: Crd): string[] {
  const { versions, ...identity } = before.spec
  const now = after.spec
  return [
    ...[...changed('scope', identity.scope, now.scope), ...changed('group', identity.group, now.group)],
    ...[
      ...changed('kind', identity.names.kind, now.names.kind),
      ...changed('plural', identity.names.plural, now.names.plural),
    ],
    ...missing('short name', identity.names.shortNames ?? [], now.names.shortNames ?? []),
    ...versions.filter(({ served }) => served).flatMap((version) => versionChanges(version, now.versions)),
  ]
}

function versionChanges(before: CrdVersion, versions: readonly CrdVersion[]): string[] {
  const after = versions.find(({ name, served }) => name === before.name && served)
  if (!after) return [`version ${before.name} is no longer served`]
  return [
    ...changed(`storage of ${before.name}`, before.storage, after.storage),
    ...Object.entries(before.subresources ?? {}).flatMap(([name, subresource]) =>
      changed(`subresource ${name}`, subresource, after.subresources?.[name]),
    ),
    ...schemaChanges('', before.schema.openAPIV3Schema, after.schema.openAPIV3Schema),
  ]
}

/** Keywords that must stay as they are, or be there no more where that only allows more. */
const KEPT = ['type', 'format', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-int-or-string']
const LIMITS_ABOVE = ['maximum', 'maxLength', 'maxItems', 'maxProperties']
const LIMITS_BELOW = ['minimum', 'minLength', 'minItems', 'minProperties']

function schemaChanges(path: string, before: Schema, after: Schema): string[] {
  const at = path === '' ? 'the resource' : path.slice(1)
  return [
    ...KEPT.flatMap((keyword) => changed(`${at}: ${keyword}`, before[keyword], after[keyword])),
    // A new one says what an absent field means already.
    ...('default' in before ? changed(`${at}: default`, before.default, after.default) : []),
    ...limitChanges(at, before, after),
    ...ruleChanges(at, before, after),
    ...opacity(at, before, after),
    ...missing(`${at}: enum value`, list(before.enum), 'enum' in after ? list(after.enum) : list(before.enum)),
    ...('enum' in before || !('enum' in after) ? [] : [`${at}: enum is new`]),
    ...list(after.required)
      .filter((name) => !list(before.required).includes(name))
      .map((name) => `${at}: ${name} is newly required`),
    ...fieldChanges(path, before, after),
  ]
}

function fieldChanges(path: string, before: Schema, after: Schema): string[] {
  const [old, current] = [fields(before.properties), fields(after.properties)]
  const kept = Object.keys(old).filter((name) => name in current)
  const gone =
    after['x-kubernetes-preserve-unknown-fields'] === true ? [] : Object.keys(old).filter((name) => !(name in current))
  return [
    ...gone.map((name) => `${path.slice(1)}.${name} is gone`.replace(/^\./, '')),
    ...kept.flatMap((name) => schemaChanges(`${path}.${name}`, old[name] ?? {}, current[name] ?? {})),
    ...['items', 'additionalProperties'].flatMap((keyword) => {
      const [inner, now] = [before[keyword], after[keyword]]
      if (!isSchema(inner)) return []
      return isSchema(now) ? schemaChanges(`${path}[]`, inner, now) : [`${path.slice(1)}: ${keyword} is gone`]
    }),
  ]
}

function limitChanges(at: string, before: Schema, after: Schema): string[] {
  const tighter = (keyword: string, isTighter: (was: number, is: number) => boolean) => {
    const [was, is] = [before[keyword] as number | undefined, after[keyword] as number | undefined]
    if (is === undefined || (was !== undefined && !isTighter(was, is))) return []
    return [`${at}: ${keyword} ${is} is tighter than ${was ?? 'none'}`]
  }
  return [
    ...LIMITS_ABOVE.flatMap((keyword) => tighter(keyword, (was, is) => is < was)),
    ...LIMITS_BELOW.flatMap((keyword) => tighter(keyword, (was, is) => is > was)),
    ...('pattern' in after ? changed(`${at}: pattern`, before.pattern, after.pattern) : []),
  ]
}

/** A rule that was not there may refuse what is stored, and so may one of other words; nobody can tell by reading it. */
function ruleChanges(at: string, before: Schema, after: Schema): string[] {
  const known = rules(before)
  return rules(after)
    .filter((rule) => !known.includes(rule))
    .map((rule) => `${at}: the rule ${rule} is new`)
}

function opacity(at: string, before: Schema, after: Schema): string[] {
  const keyword = 'x-kubernetes-preserve-unknown-fields'
  return before[keyword] === true && after[keyword] !== true ? [`${at}: unknown fields are pruned now`] : []
}

function changed(what: string, was: unknown, is: unknown): string[] {
  if (JSON.stringify(was) === JSON.stringify(is)) return []
  return [`${what} was ${JSON.stringify(was) ?? 'absent'} and is ${JSON.stringify(is) ?? 'absent'}`]
}

function missing(what: string, was: readonly unknown[], is: readonly unknown[]): string[] {
  return was.filter((value) => !is.includes(value)).map((value) => `${what} ${JSON.stringify(value)} is gone`)
}

function rules(schema: Schema): string[] {
  return list(schema['x-kubernetes-validations']).map((each) => (each as { rule: string }).rule)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function fields(value: unknown): Record<string, Schema> {
  return isSchema(value) ? (value as Record<string, Schema>) : {}
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}
