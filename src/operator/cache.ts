import { CONNECTOR_LABEL } from '../contract/names.ts'
import { type Kind, type KubeObject, keyOf, refOf } from '../kube/kinds.ts'
import { Reflector, type ReflectorEvent, type ReflectorOptions } from '../kube/reflector.ts'

export interface CacheOptions<T extends KubeObject> extends Omit<ReflectorOptions<T>, 'scope'> {
  /** Absent: all namespaces. */
  readonly namespaces: readonly string[] | undefined
  /** `own`: a connector's objects, told by their label; `all`: every object of the kind. */
  readonly select: 'all' | 'own'
  readonly metadataOnly?: boolean
}

/** The objects of one kind in every namespace that is looked after, found by name. */
export class Cache<T extends KubeObject> {
  readonly kind: Kind<T>
  readonly #reflectors = new Map<string, Reflector<T>>()

  constructor({ namespaces, select, metadataOnly, ...options }: CacheOptions<T>) {
    this.kind = options.kind
    for (const namespace of namespaces ?? ['']) {
      const scope = {
        ...(namespace ? { namespace } : {}),
        ...(select === 'own' ? { labelSelector: CONNECTOR_LABEL } : {}),
        ...(metadataOnly ? { metadataOnly } : {}),
      }
      this.#reflectors.set(namespace, new Reflector({ ...options, scope }))
    }
  }

  /** Whether the objects of a namespace that is looked after are known. */
  hasSyncedIn(namespace: string): boolean {
    return this.#of(namespace)?.hasSynced ?? false
  }

  /** Whether it has no right to know them. */
  isRefusedIn(namespace: string): boolean {
    return this.#of(namespace)?.isRefused ?? false
  }

  /** The longest that any namespace's watch has neither heard nor asked anything, in milliseconds. */
  get silentMs(): number {
    return Math.max(...[...this.#reflectors.values()].map((reflector) => reflector.silentMs))
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.run(signal)))
  }

  get(key: string): T | undefined {
    return this.#of(refOf(key).namespace)?.objects.get(key)
  }

  /** Every object. */
  *all(): Iterable<T> {
    for (const reflector of this.#reflectors.values()) yield* reflector.objects.values()
  }

  #of(namespace: string): Reflector<T> | undefined {
    return this.#reflectors.get(namespace) ?? this.#reflectors.get('')
  }
}

type Synced = Pick<Cache<KubeObject>, 'hasSyncedIn' | 'isRefusedIn'>

/** Whether everything in a namespace is known. */
export function isKnown(caches: Readonly<Record<string, Synced>>, namespace: string): boolean {
  return Object.values(caches).every((cache) => cache.hasSyncedIn(namespace))
}

/**
 * Whether everything is known that can be. A namespace that is deleted takes the rights in it along, and must not keep the others from being looked
 * after: without connectors that may be seen there is nothing to know of it. Where that is so of all, it is the install that lacks its rights.
 */
export function areKnown(
  caches: Readonly<Record<string, Synced>> & { readonly connectors: Synced },
  namespaces: readonly string[],
): boolean {
  const known = namespaces.filter((namespace) => isKnown(caches, namespace))
  const lost = namespaces.filter((namespace) => !known.includes(namespace) && caches.connectors.isRefusedIn(namespace))
  return known.length > 0 && known.length + lost.length === namespaces.length
}

/** The same, found also by the connector that they are made for. */
export class IndexedCache<T extends KubeObject> extends Cache<T> {
  /** Key of the connector to the keys of its objects. */
  readonly #byConnector = new Map<string, readonly string[]>()

  constructor({ onEvent, ...options }: CacheOptions<T>) {
    super({
      ...options,
      onEvent: (event) => {
        this.#index(event)
        onEvent(event)
      },
    })
  }

  /** The objects that are made for a connector. One whose label a person has changed since is no longer. */
  ofConnector(connectorKey: string): T[] {
    const objects = this.#byConnector.get(connectorKey)?.flatMap((key) => this.get(key) ?? []) ?? []
    return objects.filter((object) => connectorKeyOf(object) === connectorKey)
  }

  #index({ type, object }: ReflectorEvent<T>): void {
    const connectorKey = connectorKeyOf(object)
    if (connectorKey === undefined) return
    const key = keyOf(object)
    const others = this.#byConnector.get(connectorKey)?.filter((each) => each !== key) ?? []
    // concat makes a list of exactly so many; a spread one has room for sixteen more.
    const keys = type === 'delete' ? others : others.concat(key)
    if (keys.length > 0) this.#byConnector.set(connectorKey, keys)
    else this.#byConnector.delete(connectorKey)
  }
}

/** The key of the connector that an object is made for, by its label; undefined for a connector itself. */
export function connectorKeyOf({ metadata }: KubeObject): string | undefined {
  const name = metadata?.labels?.[CONNECTOR_LABEL]
  return name === undefined ? undefined : `${metadata?.namespace ?? ''}/${name}`
}
