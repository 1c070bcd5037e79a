import type { Api } from './api.ts'
import { watchObjects } from './object-watch.ts'
import type { ConfigMap, KubeObject, Secret } from './pod.ts'

/** A ConfigMap or Secret is not (yet) known: `message` is the kubelet's own wording. */
export class MissingObjectError extends Error {
  override readonly name = 'MissingObjectError'
}

/** The ConfigMaps and Secrets that one pod uses, kept current by a watch each while the pod holds them. */
export interface ObjectSource {
  /** undefined: there is none. Rejects with MissingObjectError while that is not known (API server away). */
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
}

export interface ObjectHold extends ObjectSource {
  release(): void
}

interface Watched {
  readonly holders: Set<() => void>
  readonly abort: AbortController
  readonly listed: Promise<void>
  current: KubeObject | undefined
}

/** How long a container start waits for the first answer about an object before it reports that and tries again. */
const FIRST_ANSWER_MS = 5_000

/**
 * Watches single ConfigMaps and Secrets (the only reads the node authorizer allows a node), one watch per object however many
 * pods use it. Changes are pushed to every holder.
 */
export class ObjectCache {
  readonly #api: Api
  readonly #watched = new Map<string, Watched>()

  constructor(api: Api) {
    this.#api = api
  }

  /** @param onChange called after any object this hold has asked for was created, changed or deleted */
  hold(namespace: string, onChange: () => void): ObjectHold {
    const paths = new Set<string>()
    const read = async (kind: string, name: string) => {
      const path = `/api/v1/namespaces/${namespace}/${kind}s?${name}`
      paths.add(path)
      return this.#read(path, onChange)
    }
    return {
      configMap: (name) => read('configmap', name) as Promise<ConfigMap | undefined>,
      secret: (name) => read('secret', name) as Promise<Secret | undefined>,
      release: () => {
        for (const path of paths) this.#drop(path, onChange)
      },
    }
  }

  async #read(path: string, onChange: () => void): Promise<KubeObject | undefined> {
    const watched = this.#watched.get(path) ?? this.#watch(path)
    watched.holders.add(onChange)
    const known = await Promise.race([watched.listed.then(() => true), timeout(FIRST_ANSWER_MS)])
    if (!known) throw new MissingObjectError('failed to sync object cache: timed out waiting for the condition')
    return watched.current
  }

  #watch(path: string): Watched {
    const [resource = '', name = ''] = path.split('?')
    const { promise: listed, resolve } = Promise.withResolvers<void>()
    const watched: Watched = { holders: new Set(), abort: new AbortController(), listed, current: undefined }
    const set = (object: KubeObject | undefined) => {
      if (object?.metadata.resourceVersion === watched.current?.metadata.resourceVersion) return
      watched.current = object
      for (const notify of watched.holders) notify()
    }
    const handlers = {
      onList: (objects: readonly KubeObject[]) => {
        set(objects[0])
        resolve()
      },
      onChange: set,
      onDelete: () => set(undefined),
      onOutage: () => undefined,
    }
    void watchObjects(this.#api, resource, `metadata.name=${name}`, handlers, watched.abort.signal)
    this.#watched.set(path, watched)
    return watched
  }

  #drop(path: string, holder: () => void): void {
    const watched = this.#watched.get(path)
    watched?.holders.delete(holder)
    if (!watched || watched.holders.size > 0) return
    watched.abort.abort()
    this.#watched.delete(path)
  }

  close(): void {
    for (const { abort } of this.#watched.values()) abort.abort()
    this.#watched.clear()
  }
}

function timeout(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, ms, false).unref())
}
