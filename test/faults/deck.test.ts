import { expect, test } from 'vitest'
import { Random } from '../simulate/random.ts'
import { Deck } from './deck.ts'

const CARDS = ['a', 'b', 'c', 'd', 'd']
const dealt = (seed: number, times: number) => {
  const deck = new Deck(new Random(seed), CARDS)
  return Array.from({ length: times }, () => deck.deal())
}

test('every card comes before any comes again, as often as it is in the deck', () => {
  const cards = dealt(1, 10)
  expect(cards.slice(0, 5).sort()).toEqual(CARDS)
  expect(cards.slice(5).sort()).toEqual(CARDS)
})

test('a seed decides the order', () => {
  expect(dealt(1, 20)).toEqual(dealt(1, 20))
  expect(dealt(1, 20)).not.toEqual(dealt(2, 20))
})
