import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerMemory } from '../../../src/sink/kafka/answer-memory.ts'
import { Landing } from '../../../src/sink/kafka/landing.ts'
import { WASM_LAYOUT, wasmMemory } from '../../../src/sink/wasm-memory.ts'

function frame(length: number, fill: number): Buffer {
  const answer = Buffer.alloc(4 + length, fill)
  answer.writeInt32BE(length)
  return answer
}

/** Puts bytes where the landing wants them, in pieces of at most these sizes. */
function receive(landing: Landing, bytes: Buffer, sizes: () => number): void {
  for (let at = 0; at < bytes.length; ) {
    const room = landing.room()
    const arrived = bytes.copy(room, 0, at, Math.min(bytes.length, at + Math.min(room.length, sizes())))
    landing.arrived(arrived)
    at += arrived
  }
}

const [AT, MIB] = [WASM_LAYOUT.answersAt, 1024 * 1024]

test('every answer comes whole and in order, however the bytes arrive, and what is kept stays right: given back, or moved out', () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 16_000, max: 60_000 }))
  const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 10_000, max: 100_000 }))
  const answer = fc.record({ length, isGivenBack: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(answer, { minLength: 1, maxLength: 8 }),
      fc.array(size, { minLength: 1 }),
      fc.integer({ min: 50_000, max: 200_000 }),
      (answers, sizes, memoryBytes) => {
        const frames = answers.map(({ length: each }, i) => frame(each, i + 1))
        const kept: { bytes: Buffer }[] = []
        const landing = new Landing(
          (bytes) => {
            const lent = { bytes }
            const moveOut = () => {
              lent.bytes = Buffer.from(lent.bytes)
            }
            const giveBack = landing.keep(moveOut)
            if (answers[kept.push(lent) - 1]?.isGivenBack) {
              moveOut()
              giveBack()
            }
          },
          new AnswerMemory(AT, AT + memoryBytes),
        )
        let next = 0
        receive(landing, Buffer.concat(frames), () => sizes[next++ % sizes.length] as number)
        expect(kept.map(({ bytes }) => bytes)).toEqual(frames)
      },
    ),
    { numRuns: 300 },
  )
})

/** A landing in a memory of 1 MiB, and what has landed. */
function landingIn(memory: AnswerMemory): { landing: Landing; answers: Buffer[] } {
  const answers: Buffer[] = []
  return { landing: new Landing((answer) => answers.push(answer), memory), answers }
}

const memory = () => new AnswerMemory(AT, AT + MIB)
const receiveAll = (landing: Landing, bytes: Buffer) => receive(landing, bytes, () => 65_536)

test('the memory of a large answer that is not kept is that of the next one', () => {
  const { landing, answers } = landingIn(memory())
  for (const fill of [1, 2]) receiveAll(landing, frame(100_000, fill))
  expect(answers.map(({ byteOffset }) => byteOffset)).toEqual([AT, AT])
})

test('an answer that is kept stays where it is while others come and go, until its memory is needed', () => {
  const { landing, answers } = landingIn(memory())
  receiveAll(landing, frame(400_000, 1))
  let told = 0
  const giveBack = landing.keep(() => told++)
  for (const fill of [2, 3, 4]) receiveAll(landing, frame(400_000, fill))
  expect(answers.map(({ byteOffset }) => byteOffset - AT)).toEqual([0, 400_004, 400_004, 400_004])
  expect(answers[0]).toEqual(frame(400_000, 1))
  expect(told).toBe(0)
  receiveAll(landing, frame(700_000, 5))
  expect([told, answers[4]?.byteOffset]).toEqual([1, AT])
  giveBack()
  landing.keep(() => {})
  receiveAll(landing, frame(700_000, 6))
  expect([told, answers[5]?.byteOffset]).toEqual([1, AT])
})

test('what is arriving on one connection is left alone by the others, which take memory of their own if need be', () => {
  const shared = memory()
  const [slow, fast] = [landingIn(shared), landingIn(shared)]
  const arriving = frame(900_000, 1)
  receiveAll(slow.landing, arriving.subarray(0, 500_000))
  receiveAll(fast.landing, frame(200_000, 2))
  expect(fast.answers[0]?.buffer).not.toBe(wasmMemory.buffer)
  fast.landing.keep(() => {})()
  receiveAll(slow.landing, arriving.subarray(500_000))
  expect(slow.answers[0]).toEqual(arriving)
  expect(slow.answers[0]?.buffer).toBe(wasmMemory.buffer)
})

test('a connection that is closed leaves no memory behind, and what has just arrived on it can still be kept', () => {
  const shared = memory()
  const [first, second, third] = [landingIn(shared), landingIn(shared), landingIn(shared)]
  receiveAll(first.landing, frame(900_000, 1).subarray(0, 500_000))
  first.landing.close()
  receiveAll(second.landing, frame(900_000, 2))
  second.landing.close()
  let told = 0
  second.landing.keep(() => told++)
  receiveAll(third.landing, frame(900_000, 3))
  expect([told, third.answers[0]?.byteOffset]).toEqual([1, AT])
})

test('an answer beyond the memory has its own, and leaves what is kept alone', () => {
  const { landing, answers } = landingIn(memory())
  receiveAll(landing, frame(100_000, 1))
  landing.keep(() => expect.fail('moved out for nothing'))
  receive(landing, frame(17 * MIB, 2), () => 10_000_000)
  expect(answers[0]).toEqual(frame(100_000, 1))
  expect(answers[1]?.length).toBe(17 * MIB + 4)
})
