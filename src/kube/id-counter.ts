import { ID_LABEL } from '../contract/names.ts'
import { backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import type { KubeApi } from './api.ts'
import { isConflict } from './errors.ts'
import { CONFIG_MAPS, CONNECTORS, type ConfigMap, type ObjectRef } from './kinds.ts'
import { pagesOf } from './pages.ts'

/** Key in the ConfigMap. */
const LAST_ID = 'lastId'
const RETRY = { initialMs: 10, maxMs: 500 }
/** Two processes that count at once: one of them wins each time, so this many failures in a row are a fault, not bad luck. */
const MAX_ATTEMPTS = 30

export interface IdCounterOptions {
  readonly api: Pick<KubeApi, 'get' | 'list' | 'create' | 'replace'>
  /** The ConfigMap. */
  readonly ref: ObjectRef
  /** Where connectors are; absent: every namespace. */
  readonly namespaces: readonly string[] | undefined
  readonly clock: Clock
}

interface Waiting {
  readonly resolve: (id: number) => void
  readonly reject: (error: unknown) => void
}

/**
 * Gives integers, each once, to every process of an install: the highest one is in a ConfigMap that is changed by
 * compare-and-set (its resourceVersion). Nothing is ever given back, so a number may be lost, but none is given twice.
 */
export class IdCounter {
  readonly #options: IdCounterOptions
  #waiting: Waiting[] = []
  #isTaking = false

  constructor(options: IdCounterOptions) {
    this.#options = options
  }

  /** Calls that come while one is under way share the next one: 50 at once are two writes, not 50 that fight. */
  next(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (!this.#isTaking) void this.#takeAll()
    })
  }

  /** The highest number that was given; 0 before the first. */
  async last(): Promise<number> {
    const { api, ref } = this.#options
    const current = await api.get(CONFIG_MAPS, ref)
    return current ? lastIdOf(current, ref) : this.#highestLabel()
  }

  async #takeAll(): Promise<void> {
    this.#isTaking = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        const first = await this.#take(batch.length)
        for (const [i, { resolve }] of batch.entries()) resolve(first + i)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#isTaking = false
  }

  /** @returns the first of `count` numbers in a row that are ours */
  async #take(count: number): Promise<number> {
    const { api, ref, clock } = this.#options
    for (let attempt = 0; ; attempt++) {
      const current = await api.get(CONFIG_MAPS, ref)
      const last = current ? lastIdOf(current, ref) : await this.#highestLabel()
      const next = { ...current, metadata: { ...current?.metadata, ...ref }, data: { [LAST_ID]: String(last + count) } }
      try {
        await (current ? api.replace(CONFIG_MAPS, next) : api.create(CONFIG_MAPS, next))
        return last + 1
      } catch (error) {
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error
        await sleep(clock, backoffMs(attempt, RETRY))
      }
    }
  }

  /** Where a counter that does not exist (any more) goes on: behind every id that a connector has. */
  async #highestLabel(): Promise<number> {
    const { api, namespaces } = this.#options
    let highest = 0
    for (const namespace of namespaces ?? [undefined]) {
      const scope = { ...(namespace === undefined ? {} : { namespace }), labelSelector: ID_LABEL, metadataOnly: true }
      for await (const { items } of pagesOf(api, CONNECTORS, scope))
        for (const { metadata } of items) highest = Math.max(highest, parseId(metadata.labels?.[ID_LABEL]) ?? 0)
    }
    return highest
  }
}

/** An id as a label or a path writes it: 1, 2, … without sign or leading zero. Anything else is none. */
export function parseId(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined
}

function lastIdOf({ data }: ConfigMap, { namespace, name }: ObjectRef): number {
  const text = data?.[LAST_ID]
  const last = text === '0' ? 0 : parseId(text)
  if (last !== undefined) return last
  throw new Error(
    `ConfigMap ${namespace}/${name}: ${LAST_ID} is ${JSON.stringify(text)}, it must be the highest id given`,
  )
}
