import type { FileContent, Files } from './atomic-folder.ts'
import { required } from './environment.ts'
import { MissingObjectError, type ObjectSource } from './object-cache.ts'
import type {
  ConfigMap,
  DownwardItem,
  KeyToPath,
  Pod,
  ProjectedSource,
  Secret,
  ServiceAccountTokenSource,
  Volume,
} from './pod.ts'
import { type NodeFacts, podField, resourceField } from './pod-fields.ts'

export interface VolumeContext {
  readonly pod: Pod
  readonly facts: NodeFacts
  readonly objects: ObjectSource
  /** A token of the pod's service account, fresh enough to be written into a file. */
  token(source: ServiceAccountTokenSource): Promise<string>
}

const DEFAULT_MODE = 0o644

/**
 * The files a volume of objects consists of, undefined for a volume that is an empty folder of the pod's own.
 *
 * @throws MissingObjectError with the kubelet's message while an object or key that is not optional is missing
 * @throws Error for a kind of volume this agent does not have
 */
export async function volumeFiles(volume: Volume, context: VolumeContext): Promise<Files | undefined> {
  if (volume.emptyDir) return undefined
  if (volume.projected) {
    const { sources = [], defaultMode } = volume.projected
    return merged(await Promise.all(sources.map((source) => sourceFiles(source, defaultMode ?? DEFAULT_MODE, context))))
  }
  const mode = (volume.configMap ?? volume.secret ?? volume.downwardAPI)?.defaultMode ?? DEFAULT_MODE
  if (volume.secret) {
    const { secretName, ...rest } = volume.secret
    return sourceFiles({ secret: { name: secretName, ...rest } }, mode, context)
  }
  if (volume.configMap) return sourceFiles({ configMap: volume.configMap }, mode, context)
  if (volume.downwardAPI) return sourceFiles({ downwardAPI: volume.downwardAPI }, mode, context)
  const kind = Object.keys(volume).find((key) => key !== 'name')
  throw new Error(`this node agent has no ${kind} volumes`)
}

async function sourceFiles(source: ProjectedSource, mode: number, context: VolumeContext): Promise<Files> {
  const { pod, facts } = context
  if (source.configMap) {
    const { name, items, optional } = source.configMap
    const data = contentOf(required(await context.objects.configMap(name), 'configmap', name, optional))
    return keyedFiles(data, 'config', items, optional, mode)
  }
  if (source.secret) {
    const { name, items, optional } = source.secret
    const data = secretContent(required(await context.objects.secret(name), 'secret', name, optional))
    return keyedFiles(data, 'secret', items, optional, mode)
  }
  if (source.serviceAccountToken) {
    const token = await context.token(source.serviceAccountToken)
    return new Map([[source.serviceAccountToken.path, { content: Buffer.from(token), mode }]])
  }
  if (!source.downwardAPI) throw new Error(`this node agent knows no projected ${Object.keys(source)[0]}`)
  const text = (item: DownwardItem) => {
    if (item.fieldRef) return podField(pod, facts, item.fieldRef)
    return item.resourceFieldRef ? resourceField(pod, undefined, facts, item.resourceFieldRef) : ''
  }
  const items = source.downwardAPI.items ?? []
  return new Map(items.map((item) => [item.path, { content: Buffer.from(text(item)), mode: item.mode ?? mode }]))
}

/** Without items every key becomes a file of its name, with items only those named. */
function keyedFiles(
  data: ReadonlyMap<string, Buffer>,
  word: string,
  items: readonly KeyToPath[] | undefined,
  optional = false,
  mode: number,
): Files {
  if (!items) return new Map([...data].map(([key, content]) => [key, { content, mode }]))
  const files = new Map<string, FileContent>()
  for (const item of items) {
    const content = data.get(item.key)
    if (content) files.set(item.path, { content, mode: item.mode ?? mode })
    else if (!optional) throw new MissingObjectError(`references non-existent ${word} key: ${item.key}`)
  }
  return files
}

function contentOf(configMap: ConfigMap | undefined): Map<string, Buffer> {
  const text = Object.entries(configMap?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const)
  return new Map([...text, ...decoded(configMap?.binaryData)])
}

function secretContent(secret: Secret | undefined): Map<string, Buffer> {
  return new Map(decoded(secret?.data))
}

function decoded(data: Readonly<Record<string, string>> = {}): (readonly [string, Buffer])[] {
  return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)
}

function merged(parts: readonly Files[]): Files {
  return new Map(parts.flatMap((part) => [...part]))
}
