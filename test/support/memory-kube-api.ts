import type { KubeApi, Preconditions, Scope } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { type Kind, type KubeObject, keyOf, type ObjectMeta, type ObjectRef } from '../../src/kube/kinds.ts'
import { mergePatch } from './merge-patch.ts'

type Stored = KubeObject & { metadata: ObjectMeta; spec?: unknown }

/**
 * The calls of the admin and of the ids on an API server in memory: compare-and-set by resourceVersion, generations that
 * count changes of the spec, managed fields of what a merge patch with a field manager changes. Every call ends in a later turn
 * of the event loop, so that calls interleave.
 */
export class MemoryKubeApi implements Pick<KubeApi, 'get' | 'list' | 'create' | 'replace' | 'patch' | 'delete'> {
  readonly calls: string[] = []
  /** Thrown by the next call of this `<verb> <plural>`. */
  readonly failures = new Map<string, Error>()
  /** Runs before the next call of this `<verb> <plural>` acts: what somebody else does in between. */
  readonly before = new Map<string, () => void>()
  readonly #objects = new Map<string, Stored>()
  readonly #now: () => number
  #version = 100

  constructor(now: () => number = () => Date.parse('2026-03-01T12:00:00Z')) {
    this.#now = now
  }

  /** Stores an object as it is, as another client would. */
  put<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const version = ++this.#version
    const previous = this.#objects.get(`${kind.plural} ${keyOf(object)}`)
    const isSame = JSON.stringify(previous?.spec) === JSON.stringify((object as { spec?: unknown }).spec)
    const stored = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      ...object,
      metadata: {
        uid: `uid-${version}`,
        creationTimestamp: this.#time(),
        ...object.metadata,
        generation: (previous?.metadata.generation ?? 0) + (previous && isSame ? 0 : 1),
        resourceVersion: String(version),
      },
    }
    this.#objects.set(`${kind.plural} ${keyOf(object)}`, stored)
    return structuredClone(stored)
  }

  /** Removes an object, as another client would. */
  remove(kind: Kind<KubeObject>, { namespace, name }: ObjectRef): void {
    this.#objects.delete(`${kind.plural} ${namespace}/${name}`)
  }

  /** What is stored now. */
  peek<T extends KubeObject>(kind: Kind<T>, { namespace, name }: ObjectRef): T | undefined {
    return structuredClone(this.#objects.get(`${kind.plural} ${namespace}/${name}`)) as T | undefined
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    await this.#called('get', kind)
    return this.peek(kind, ref)
  }

  async list<T extends KubeObject>(
    kind: Kind<T>,
    { namespace, labelSelector, metadataOnly }: Scope,
    { limit, next = '0' }: { limit: number; next?: string } = { limit: Number.POSITIVE_INFINITY },
  ) {
    await this.#called('list', kind)
    const [label = '', value] = labelSelector?.split('=') ?? []
    const all = [...this.#objects]
      .filter(([key]) => key.startsWith(`${kind.plural} ${namespace === undefined ? '' : `${namespace}/`}`))
      .map(([, object]) => object)
      .filter(
        ({ metadata }) => label === '' || (metadata.labels?.[label] ?? null) === (value ?? metadata.labels?.[label]),
      )
    const from = Number(next)
    const page = all.slice(from, from + limit).map((object) => (metadataOnly ? { metadata: object.metadata } : object))
    const items = structuredClone(page) as unknown as T[]
    const rest = from + limit < all.length ? { next: String(from + limit) } : {}
    return { items, resourceVersion: String(this.#version), ...rest }
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: T, { fieldManager = 'unknown' } = {}): Promise<T> {
    await this.#called('create', kind)
    if (this.peek(kind, refOf(object))) throw new KubeApiError(409, 'AlreadyExists', 'there is one')
    return this.put(kind, {
      ...object,
      metadata: { ...object.metadata, managedFields: [this.#entry(fieldManager, object)] },
    })
  }

  async replace<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    await this.#called('update', kind)
    this.#check(this.peek(kind, refOf(object)), object.metadata)
    return this.put(kind, object)
  }

  async patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: object, { fieldManager = 'unknown' } = {}) {
    await this.#called('patch', kind)
    const live = this.peek(kind, ref)
    this.#check(live, (patch as KubeObject).metadata)
    const patched = mergePatch(live, patch) as T
    const entries = (live?.metadata?.managedFields ?? []) as object[]
    return this.put(kind, {
      ...patched,
      metadata: { ...patched.metadata, managedFields: [...entries, this.#entry(fieldManager, patch)] },
    })
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, preconditions: Preconditions): Promise<void> {
    await this.#called('delete', kind)
    const live = this.peek(kind, ref)
    const isOurs = live?.metadata?.uid === preconditions.uid
    if (!live || (!isOurs && preconditions.resourceVersion === undefined)) return
    this.#check(live, preconditions)
    this.remove(kind, ref)
  }

  async #called(verb: string, { plural }: Kind<KubeObject>): Promise<void> {
    const call = `${verb} ${plural}`
    this.calls.push(call)
    await new Promise((resolve) => setImmediate(resolve))
    const failure = this.failures.get(call)
    this.failures.delete(call)
    if (failure) throw failure
    const meanwhile = this.before.get(call)
    this.before.delete(call)
    meanwhile?.()
  }

  #check(live: KubeObject | undefined, { resourceVersion, uid }: ObjectMeta = {}): void {
    if (!live) throw new KubeApiError(404, 'NotFound', 'there is none')
    const isOld = resourceVersion !== undefined && resourceVersion !== live.metadata?.resourceVersion
    if (isOld || (uid !== undefined && uid !== live.metadata?.uid)) {
      throw new KubeApiError(409, 'Conflict', 'the object has been modified')
    }
  }

  #entry(manager: string, object: object): object {
    const fields = fieldsOf({ spec: (object as Stored).spec })
    return { manager, operation: 'Update', time: this.#time(), fieldsType: 'FieldsV1', fieldsV1: fields }
  }

  #time(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z')
  }
}

/** FieldsV1 of a value: `{"f:spec": {"f:config": {…}}}`. */
export function fieldsOf(value: unknown): object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return {}
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries.map(([key, each]) => [`f:${key}`, fieldsOf(each)]))
}

function refOf(object: KubeObject): ObjectRef {
  return { namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '' }
}
