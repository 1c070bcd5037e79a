import type { KubeObject } from './kinds.ts'

/** The part of a managedFields entry that is read here. Source: "Server-Side Apply", Kubernetes documentation. */
interface ManagedFields {
  readonly manager?: string
  readonly subresource?: string
  readonly time?: string
  readonly fieldsV1?: FieldsV1
}

/** `{"f:spec": {"f:config": {…}}}`: an object for each field that is owned, empty where it is owned as a whole. */
interface FieldsV1 {
  readonly [key: string]: FieldsV1
}

/**
 * The managers other than `self` that own a field: its value, or anything below it. Server-side apply without `force` would
 * name the same ones in a conflict.
 *
 * @param path such as `['spec', 'config', 'flushSize']`
 */
export function otherOwners(object: KubeObject, path: readonly string[], self: string): string[] {
  const owners = entriesOf(object)
    .filter(({ manager, subresource, fieldsV1 }) => manager !== self && !subresource && owns(fieldsV1, path))
    .flatMap(({ manager }) => manager ?? [])
  return [...new Set(owners)]
}

/** When a field of the spec last changed, RFC 3339 in whole seconds; undefined where the server has kept no record. */
export function specChangedAt(object: KubeObject): string | undefined {
  return entriesOf(object)
    .filter(({ subresource, fieldsV1 }) => !subresource && fieldsV1?.['f:spec'] !== undefined)
    .flatMap(({ time }) => time ?? [])
    .sort()
    .at(-1)
}

function entriesOf({ metadata }: KubeObject): readonly ManagedFields[] {
  return Array.isArray(metadata?.managedFields) ? (metadata.managedFields as ManagedFields[]) : []
}

function owns(fields: FieldsV1 | undefined, path: readonly string[]): boolean {
  let node = fields
  for (const part of path) {
    node = node?.[`f:${part}`]
    if (node === undefined) return false
  }
  return true
}
