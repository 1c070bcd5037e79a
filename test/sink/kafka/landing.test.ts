import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Landing } from '../../../src/sink/kafka/landing.ts'

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

test('every answer comes whole and in order, however the bytes arrive, and what is lent stays right when it moves out', () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 16_000, max: 60_000 }))
  const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 10_000, max: 100_000 }))
  fc.assert(
    fc.property(
      fc.array(length, { minLength: 1, maxLength: 8 }),
      fc.array(size, { minLength: 1 }),
      (lengths, sizes) => {
        const frames = lengths.map((each, i) => frame(each, i + 1))
        const kept: { bytes: Buffer }[] = []
        const landing = new Landing((answer) => {
          const lent = { bytes: answer }
          kept.push(lent)
          landing.beforeReuse(() => {
            lent.bytes = Buffer.from(lent.bytes)
          })
        })
        let next = 0
        receive(landing, Buffer.concat(frames), () => sizes[next++ % sizes.length] as number)
        expect(kept.map(({ bytes }) => bytes)).toEqual(frames)
      },
    ),
    { numRuns: 300 },
  )
})

test('the memory of a large answer is that of the next one, after who has the first was told', () => {
  const answers: Buffer[] = []
  const landing = new Landing((answer) => answers.push(answer))
  receive(landing, frame(100_000, 1), () => 65_536)
  let told = 0
  landing.beforeReuse(() => told++)
  receive(landing, frame(20, 2), () => 65_536)
  expect(told).toBe(0)
  receive(landing, frame(90_000, 3), () => 65_536)
  expect(told).toBe(1)
  const [first, , third] = answers
  expect(third?.buffer).toBe(first?.buffer)
  receive(landing, frame(90_000, 4), () => 65_536)
  expect(told).toBe(1)
})

test('an answer beyond 16 MiB has memory of its own, and leaves what is lent alone', () => {
  const answers: Buffer[] = []
  const landing = new Landing((answer) => answers.push(answer))
  receive(landing, frame(100_000, 1), () => 65_536)
  receive(landing, frame(17 * 1024 * 1024, 2), () => 10_000_000)
  expect(answers[0]).toEqual(frame(100_000, 1))
  expect(answers[1]?.length).toBe(17 * 1024 * 1024 + 4)
  receive(landing, frame(100_000, 3), () => 65_536)
  expect(answers[2]?.buffer).toBe(answers[0]?.buffer)
})
