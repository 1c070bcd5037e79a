import { parse, parseAllDocuments } from 'yaml'

/** A manifest, read at many depths. */
// biome-ignore lint/suspicious/noExplicitAny: any kind of object
export type Manifest = any

export function manifestsOf(yaml: string): Manifest[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest)
    .filter((manifest) => manifest !== null)
}

/** What Helm adds to every object, and says in labels what kustomize does not say. */
const HELMS = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'helm.sh/chart',
  'helm.sh/resource-policy',
  'checksum/config',
]
/** What kustomize appends to the name of a generated ConfigMap, where Helm writes a checksum into the pods. */
const HASH = /-[a-z0-9]{10}$/

/**
 * Objects by kind and name, without what the two tools put in of their own: the objects of both must be the same then, field
 * by field. Files in ConfigMaps are compared as what they mean.
 */
export function comparable(manifests: readonly Manifest[]): Record<string, Manifest> {
  const names = new Map<string, string>()
  for (const { kind, metadata } of manifests) {
    if (kind === 'ConfigMap') names.set(metadata.name, metadata.name.replace(HASH, ''))
  }
  const objects = manifests.map((manifest) => stripped(manifest, names))
  return Object.fromEntries(
    objects.map((object) => [`${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`, object]),
  )
}

function stripped(node: Manifest, names: ReadonlyMap<string, string>): Manifest {
  if (typeof node === 'string') return names.get(node) ?? node
  if (Array.isArray(node)) return node.map((each) => stripped(each, names))
  if (node === null || typeof node !== 'object') return node
  const entries = Object.entries(node).filter(([key]) => !HELMS.includes(key))
  const isFiles = node.kind === 'ConfigMap'
  const kept = entries.map(([key, value]) => [key, isFiles && key === 'data' ? read(value) : stripped(value, names)])
  return Object.fromEntries(kept.filter(([key, value]) => !isEmptyMetadata(key, value)))
}

function read(files: Manifest): Manifest {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, parse(text as string)]))
}

function isEmptyMetadata(key: string, value: Manifest): boolean {
  return (key === 'annotations' || key === 'labels') && Object.keys(value).length === 0
}
