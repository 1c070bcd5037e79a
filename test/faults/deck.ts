import type { Random } from '../simulate/random.ts'

/** Deals its cards in an order by chance, all of them before any comes again: a short run sees every kind of fault too. */
export class Deck<T> {
  readonly #cards: readonly T[]
  readonly #random: Random
  #left: T[] = []

  constructor(random: Random, cards: readonly T[]) {
    this.#random = random
    this.#cards = cards
  }

  deal(): T {
    if (this.#left.length === 0) this.#left = [...this.#cards]
    const card = this.#random.pick(this.#left)
    this.#left.splice(this.#left.indexOf(card), 1)
    return card
  }
}
