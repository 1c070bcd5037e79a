import type { KubeApi } from '../../src/kube/api.ts'
import type { Kind, KubeObject } from '../../src/kube/kinds.ts'

const NO_STATE = ['Event', 'Lease']

/** The API server as seen by a process, one of whose writes is carried out at once and answered only when a test says so. */
export class HoldingApi {
  readonly api: KubeApi
  /** Resolves when the write has been carried out. */
  readonly held: Promise<void>
  isHeld = false
  /** Writes that were begun. */
  writes = 0
  readonly #held = Promise.withResolvers<void>()
  readonly #answered = Promise.withResolvers<void>()

  /** @param atWrite which write, counted from 1; Events and the lease, which goes on being renewed, do not count */
  constructor(api: KubeApi, atWrite: number) {
    this.held = this.#held.promise
    const write = async <T>(kind: Kind<KubeObject>, call: () => Promise<T>): Promise<T> => {
      if (NO_STATE.includes(kind.kind) || ++this.writes !== atWrite) return call()
      // Whatever the server says, it has said it by now.
      const [outcome] = await Promise.allSettled([call()])
      this.isHeld = true
      this.#held.resolve()
      await this.#answered.promise
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    }
    this.api = {
      get: (kind, ref) => api.get(kind, ref),
      list: (kind, scope, page) => api.list(kind, scope, page),
      watch: (kind, options, signal) => api.watch(kind, options, signal),
      create: (kind, object, options) => write(kind, () => api.create(kind, object, options)),
      apply: (kind, object, options) => write(kind, () => api.apply(kind, object, options)),
      patch: (kind, ref, patch, options) => write(kind, () => api.patch(kind, ref, patch, options)),
      replace: (kind, object) => write(kind, () => api.replace(kind, object)),
      delete: (kind, ref, preconditions) => write(kind, () => api.delete(kind, ref, preconditions)),
    }
  }

  answer(): void {
    this.#answered.resolve()
  }
}
