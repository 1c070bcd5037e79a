import { AlikeTexts } from './alike-texts.ts'
import { type KubeObject, keyOf } from './kinds.ts'

/** What is new of an object: it is, its state is, or nothing. */
export type News = 'added' | 'changed' | 'same'

/**
 * Objects by `keyOf`, each kept as the text in which its JSON differs from that of others: a fiftieth of the memory of the tree that JSON.parse
 * makes of it, and nothing in it for a garbage collector to follow. Every look makes the object anew (tens of microseconds), so nobody can change
 * what is kept.
 */
export class PackedObjects<T extends KubeObject> {
  readonly #texts = new Map<string, string>()
  readonly #alike: AlikeTexts

  constructor(alike = new AlikeTexts()) {
    this.#alike = alike
  }

  /** None yet, and packed alike, so that `take` can take them over. */
  another(): PackedObjects<T> {
    return new PackedObjects(this.#alike)
  }

  get size(): number {
    return this.#texts.size
  }

  set(object: T): News {
    return this.#set(keyOf(object), this.#alike.pack(JSON.stringify(object)))
  }

  /** Sets an object as `other` (see `another`) has it. */
  take(key: string, other: PackedObjects<T>): News {
    const packed = other.#texts.get(key)
    return packed === undefined ? 'same' : this.#set(key, packed)
  }

  has(key: string): boolean {
    return this.#texts.has(key)
  }

  get(key: string): T | undefined {
    const packed = this.#texts.get(key)
    return packed === undefined ? undefined : this.#unpack(packed)
  }

  delete(key: string): boolean {
    return this.#texts.delete(key)
  }

  keys(): IterableIterator<string> {
    return this.#texts.keys()
  }

  *values(): IterableIterator<T> {
    for (const packed of this.#texts.values()) yield this.#unpack(packed)
  }

  #set(key: string, packed: string): News {
    const before = this.#texts.get(key)
    if (before === packed) return 'same'
    this.#texts.set(key, packed)
    return before === undefined ? 'added' : 'changed'
  }

  #unpack(packed: string): T {
    return JSON.parse(this.#alike.unpack(packed)) as T
  }
}
