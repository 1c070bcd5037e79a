import { seededRandom } from '../support/random.ts'

/** Random numbers that follow from a seed alone, on every machine. */
export class Random {
  /** From 0 up to and without 1. */
  readonly next: () => number

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring numbers.
    this.next = seededRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Both ends included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }
}
