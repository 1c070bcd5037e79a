import { setTimeout as sleep } from 'node:timers/promises'
import type * as z from 'zod'
import type { KubeApi } from '../../../kube/api.ts'
import { isConflict } from '../../../kube/errors.ts'
import { type ObjectRef, SECRETS, type Secret } from '../../../kube/kinds.ts'
import { backoffMs } from '../../../lib/backoff.ts'

/** Replicas that write at the same time go one after another; more rounds than this mean that something else is wrong. */
const MAX_ATTEMPTS = 12

export interface SecretDocumentOptions<T> {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>
  readonly ref: ObjectRef
  /** Key of the Secret's data that holds the document, as JSON. */
  readonly key: string
  readonly schema: z.ZodType<T>
  /** What a Secret without that key, or no Secret, stands for. */
  readonly empty: T
}

/** A JSON document in a Kubernetes Secret that several processes read and change, by compare-and-set. */
export class SecretDocument<T> {
  readonly #options: SecretDocumentOptions<T>

  constructor(options: SecretDocumentOptions<T>) {
    this.#options = options
  }

  /** @throws KubeApiError; Error when the document cannot be read */
  async read(): Promise<T> {
    return this.#parse(await this.#secret())
  }

  /**
   * Writes what `change` makes of the document; it is called again when somebody else wrote first, and must have no effects.
   * @param change returns undefined when there is nothing to change
   * @returns the document as it is then
   */
  async update(change: (current: T) => T | undefined): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const secret = await this.#secret()
      const current = this.#parse(secret)
      const next = change(current)
      if (next === undefined) return current
      try {
        await this.#write(secret, next)
        return next
      } catch (error) {
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error
        await sleep(backoffMs(attempt, { initialMs: 10, maxMs: 500 }))
      }
    }
  }

  #secret(): Promise<Secret | undefined> {
    return this.#options.api.get(SECRETS, this.#options.ref)
  }

  #parse(secret: Secret | undefined): T {
    const { key, schema, empty, ref } = this.#options
    const text = secret?.data?.[key]
    if (text === undefined) return empty
    const { success, data } = schema.safeParse(jsonOf(text))
    if (success) return data
    // Not the parser's own words: they may quote the Secret.
    throw new Error(`${key} of Secret ${ref.namespace}/${ref.name} is not what this version writes`)
  }

  async #write(secret: Secret | undefined, document: T): Promise<void> {
    const { api, ref, key } = this.#options
    const data = { ...secret?.data, [key]: Buffer.from(JSON.stringify(document)).toString('base64') }
    if (secret !== undefined) await api.replace(SECRETS, { ...secret, data })
    else await api.create(SECRETS, { metadata: { ...ref }, type: 'Opaque', data })
  }
}

function jsonOf(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString())
  } catch {
    return undefined
  }
}
