import { beforeEach, expect, test } from 'vitest'
import { LentAnswer } from '../../../src/sink/kafka/lent-record-set.ts'

let givenBack: number
let moveOut: () => void
let answer: LentAnswer

beforeEach(() => {
  givenBack = 0
  answer = new LentAnswer((told) => {
    moveOut = told
    return () => {
      givenBack++
    }
  })
})

const lend = (data: Buffer) =>
  answer.lend({
    topic: 't',
    partition: 0,
    errorCode: 0,
    highWatermark: 0n,
    lastStableOffset: 0n,
    abortedTransactions: [],
    data,
  })

test('an answer is given back when all that was lent of it is done, and not before all of it is handed out', () => {
  const first = lend(Buffer.from('a'))
  answer.done(first)
  expect(givenBack).toBe(0)
  const second = lend(Buffer.from('b'))
  answer.handedOut()
  expect(givenBack).toBe(0)
  answer.done(second)
  expect(givenBack).toBe(1)
})

test('an answer with nothing to lend is given back at once', () => {
  answer.handedOut()
  expect(givenBack).toBe(1)
})

test('what is not done moves to memory of its own', () => {
  const memory = Buffer.from('ab')
  const [done, read] = [lend(memory.subarray(0, 1)), lend(memory.subarray(1))]
  answer.handedOut()
  answer.done(done)
  moveOut()
  memory.fill(0)
  expect(read.data.toString()).toBe('b')
})
