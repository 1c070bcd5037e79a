import type { KubeApi } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import type { Kind, KubeObject } from '../../src/kube/kinds.ts'

/** When a process of a test dies, counted in its writes. */
export interface Death {
  /** The write at which it dies, from 1; Infinity for never. */
  readonly atWrite: number
  /** Whether this last write is carried out, and only its answer never comes. */
  readonly takesEffect: boolean
}

/** The API server as seen by a process that dies: after its last write no call gets through any more. */
export class MortalApi implements KubeApi {
  readonly writes: string[] = []
  readonly #api: KubeApi
  readonly #death: Death
  readonly #died = new AbortController()

  constructor(api: KubeApi, death: Death) {
    this.#api = api
    this.#death = death
  }

  get died(): AbortSignal {
    return this.#died.signal
  }

  get: KubeApi['get'] = (kind, ref) => this.#alive(() => this.#api.get(kind, ref))
  list: KubeApi['list'] = (kind, scope, page) => this.#alive(() => this.#api.list(kind, scope, page))
  apply: KubeApi['apply'] = (kind, object, options) =>
    this.#write(`apply ${kind.kind}${options.subresource ? '/status' : ''}`, kind, () =>
      this.#api.apply(kind, object, options),
    )
  create: KubeApi['create'] = (kind, object) =>
    this.#write(`create ${kind.kind}`, kind, () => this.#api.create(kind, object))
  replace: KubeApi['replace'] = (kind, object) =>
    this.#write(`replace ${kind.kind}`, kind, () => this.#api.replace(kind, object))
  patch: KubeApi['patch'] = (kind, ref, patch, options) =>
    this.#write(`patch ${kind.kind}`, kind, () => this.#api.patch(kind, ref, patch, options))
  delete: KubeApi['delete'] = (kind, ref, preconditions) =>
    this.#write(`delete ${kind.kind}`, kind, () => this.#api.delete(kind, ref, preconditions))

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: Parameters<KubeApi['watch']>[1],
    signal: AbortSignal,
  ): ReturnType<KubeApi['watch']> & AsyncGenerator<never> {
    yield* this.#api.watch(kind, options, AbortSignal.any([signal, this.died])) as AsyncIterable<never>
  }

  async #write<T>(name: string, kind: Kind<KubeObject>, call: () => Promise<T>): Promise<T> {
    if (kind.kind === 'Event') return this.#alive(call)
    if (this.died.aborted) throw dead()
    this.writes.push(name)
    if (this.writes.length < this.#death.atWrite) return call()
    this.#died.abort()
    if (this.#death.takesEffect) await call()
    throw dead()
  }

  #alive<T>(call: () => Promise<T>): Promise<T> {
    return this.died.aborted ? Promise.reject(dead()) : call()
  }
}

function dead(): KubeApiError {
  return new KubeApiError(0, 'Dead', 'this process is dead')
}
