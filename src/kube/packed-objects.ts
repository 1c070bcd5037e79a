import { type KubeObject, keyOf } from './kinds.ts'

/**
 * Objects by `keyOf`, each kept as JSON text: a third of the memory of the tree that JSON.parse makes of it, and nothing in it for a garbage
 * collector to follow. Every look makes the object anew (tens of microseconds), so nobody can change what is kept.
 */
export class PackedObjects<T extends KubeObject> {
  readonly #texts = new Map<string, string>()

  get size(): number {
    return this.#texts.size
  }

  /** Whether that is another state than the one before, or the first. */
  set(object: T): 'added' | 'changed' | 'same' {
    const key = keyOf(object)
    const text = JSON.stringify(object)
    const before = this.#texts.get(key)
    if (before === text) return 'same'
    this.#texts.set(key, text)
    return before === undefined ? 'added' : 'changed'
  }

  has(key: string): boolean {
    return this.#texts.has(key)
  }

  get(key: string): T | undefined {
    const text = this.#texts.get(key)
    return text === undefined ? undefined : (JSON.parse(text) as T)
  }

  delete(key: string): boolean {
    return this.#texts.delete(key)
  }

  keys(): IterableIterator<string> {
    return this.#texts.keys()
  }

  *values(): IterableIterator<T> {
    for (const text of this.#texts.values()) yield JSON.parse(text) as T
  }
}
