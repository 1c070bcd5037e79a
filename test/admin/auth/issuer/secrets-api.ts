import type { KubeApi } from '../../../../src/kube/api.ts'
import { KubeApiError } from '../../../../src/kube/errors.ts'
import { type Kind, type KubeObject, keyOf, type Secret } from '../../../../src/kube/kinds.ts'

/** Secrets in memory, with the API server's compare-and-set. */
export class SecretsApi implements Pick<KubeApi, 'get' | 'create' | 'replace'> {
  readonly secrets = new Map<string, Secret>()
  /** Called before each write, to let somebody else be faster. */
  beforeWrite: () => Promise<void> = async () => {}
  isDown = false
  reads = 0
  writes = 0
  #version = 0

  async get<T extends KubeObject>(_kind: Kind<T>, { namespace, name }: { namespace: string; name: string }) {
    this.#answer()
    this.reads++
    return structuredClone(this.secrets.get(`${namespace}/${name}`)) as T | undefined
  }

  async create<T extends KubeObject>(_kind: Kind<T>, object: T): Promise<T> {
    await this.beforeWrite()
    this.#answer()
    if (this.secrets.has(keyOf(object))) throw new KubeApiError(409, 'AlreadyExists', 'there is one')
    return this.#store(object)
  }

  async replace<T extends KubeObject>(_kind: Kind<T>, object: T): Promise<T> {
    await this.beforeWrite()
    this.#answer()
    const live = this.secrets.get(keyOf(object))
    if (live?.metadata?.resourceVersion !== object.metadata?.resourceVersion) {
      throw new KubeApiError(409, 'Conflict', 'the object has been modified')
    }
    return this.#store(object)
  }

  /** The parsed document of a Secret. */
  document(name: string, key: string): unknown {
    const data = this.secrets.get(name)?.data?.[key]
    return data === undefined ? undefined : JSON.parse(Buffer.from(data, 'base64').toString())
  }

  #answer(): void {
    if (this.isDown) throw new KubeApiError(0, 'Unreachable', 'no answer')
  }

  #store<T extends KubeObject>(object: T): T {
    this.writes++
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
    this.secrets.set(keyOf(stored), structuredClone(stored) as Secret)
    return stored
  }
}
