import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { type BufferOwner, ByteBudget } from '../../src/sink/byte-budget.ts'
import { settled } from '../support/fake-clock.ts'

class Owner implements BufferOwner {
  openBytes: number
  inFlightBytes = 0
  isReplaying = false

  constructor(openBytes: number) {
    this.openBytes = openBytes
  }

  get canFlush(): boolean {
    return !this.isReplaying && this.inFlightBytes === 0
  }

  flushForMemory(): void {
    this.inFlightBytes = this.openBytes
    this.openBytes = 0
  }
}

const never = new AbortController().signal
/** Who holds nothing. */
const SOMEBODY = new Owner(0)

function budgetOf(limitBytes: number, ...owners: Owner[]): ByteBudget {
  const budget = new ByteBudget(limitBytes)
  for (const owner of owners) budget.add(owner)
  return budget
}

async function isWaiting(room: Promise<void>): Promise<boolean> {
  return Promise.race([room.then(() => false), settled().then(() => true)])
}

test('within the budget nobody waits and nothing is flushed', async () => {
  const owner = new Owner(100)
  const budget = budgetOf(100, owner)
  expect(await isWaiting(budget.room(SOMEBODY, never))).toBe(false)
  expect(owner.openBytes).toBe(100)
})

test('over it the largest sets are flushed until at most three quarters of it are open, and readers wait until they are written', async () => {
  const [small, large, larger] = [new Owner(20), new Owner(40), new Owner(60)]
  const budget = budgetOf(100, small, large, larger)
  const room = budget.room(SOMEBODY, never)
  expect([small.openBytes, large.openBytes, larger.openBytes]).toEqual([20, 40, 0])
  expect(await isWaiting(room)).toBe(true)
  larger.inFlightBytes = 0
  budget.released()
  expect(await isWaiting(room)).toBe(false)
})

test('what is replayed is never flushed, and what is in flight is not flushed again', async () => {
  const [replaying, busy] = [new Owner(200), new Owner(50)]
  replaying.isReplaying = true
  busy.inFlightBytes = 10
  const budget = budgetOf(100, replaying, busy)
  void budget.room(SOMEBODY, never)
  expect([replaying.openBytes, busy.openBytes]).toEqual([200, 50])
})

test('who holds nothing is not flushed, though nobody else can be', async () => {
  const [replaying, empty] = [new Owner(200), new Owner(0)]
  replaying.isReplaying = true
  empty.flushForMemory = () => {
    throw new Error('there is nothing to flush')
  }
  expect(await isWaiting(budgetOf(100, replaying, empty).room(SOMEBODY, never))).toBe(true)
})

test('who waits often leaves nothing behind on the signal that would end it', async () => {
  const [owner, reading] = [new Owner(0), new AbortController()]
  const budget = budgetOf(100, owner)
  for (let i = 0; i < 3; i++) {
    Object.assign(owner, { openBytes: 0, inFlightBytes: 200 })
    const room = budget.room(SOMEBODY, reading.signal)
    owner.inFlightBytes = 0
    budget.released()
    await room
  }
  expect(getEventListeners(reading.signal, 'abort')).toEqual([])
})

test('who gives up stops waiting, and who is removed frees what it held', async () => {
  const owner = new Owner(200)
  owner.isReplaying = true
  const budget = budgetOf(100, owner)
  const gaveUp = new AbortController()
  const [first, second] = [budget.room(SOMEBODY, gaveUp.signal), budget.room(SOMEBODY, never)]
  gaveUp.abort()
  expect(await isWaiting(first)).toBe(false)
  expect(await isWaiting(second)).toBe(true)
  budget.remove(owner)
  expect(await isWaiting(second)).toBe(false)
})

test('of those that replay one goes on over the limit until it is written, then the next', async () => {
  const [first, second] = [new Owner(60), new Owner(60)]
  for (const owner of [first, second]) owner.isReplaying = true
  const budget = budgetOf(100, first, second)
  expect(await isWaiting(budget.room(first, never))).toBe(false)
  const room = budget.room(second, never)
  expect(await isWaiting(room)).toBe(true)
  Object.assign(first, { openBytes: 30, inFlightBytes: 90, isReplaying: false })
  budget.released()
  expect(await isWaiting(room)).toBe(true)
  expect(await isWaiting(budget.room(first, never))).toBe(true)
  first.openBytes = 90
  first.inFlightBytes = 0
  budget.released()
  expect(await isWaiting(room)).toBe(false)
})

test('who replays over the limit and is given up leaves that to the next', async () => {
  const [first, second] = [new Owner(60), new Owner(60)]
  for (const owner of [first, second]) owner.isReplaying = true
  const budget = budgetOf(50, first, second)
  expect(await isWaiting(budget.room(first, never))).toBe(false)
  budget.remove(first)
  expect(await isWaiting(budget.room(second, never))).toBe(false)
})
