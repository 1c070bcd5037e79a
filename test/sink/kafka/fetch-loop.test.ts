import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { AnswerMemory } from '../../../src/sink/kafka/answer-memory.ts'
import { WASM_LAYOUT } from '../../../src/sink/wasm-memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  add,
  leaders,
  logUpTo,
  loops,
  never,
  offsets,
  onFakeLeaders,
  outOfRange,
  range,
  records,
  start,
  told,
  within,
} from './loops-on-fake-leaders.ts'

onFakeLeaders()

describe('FetchLoops', () => {
  it('reads on from where each answer ended', async () => {
    leaders.answer = async (asked) => (await logUpTo(5n)(asked)).map((answer) => ({ ...answer, lastStableOffset: 60n }))
    add(0)
    add(1)
    expect([loops.lag(), loops.readable()]).toEqual([null, null])
    await within(() => expect([...offsets.values()]).toEqual([range(5), range(5)]))
    expect([loops.lag(), loops.readable()]).toEqual([190, 110])
  })

  it('has one long poll for each leader at a time', async () => {
    let [open, most] = [0, 0]
    leaders.answer = async (asked) => {
      most = Math.max(most, ++open)
      const answers = await logUpTo(3n)(asked)
      open--
      return answers
    }
    add(0, undefined, 1)
    add(1, undefined, 1)
    await within(() => expect([...offsets.values()]).toEqual([range(3), range(3)]))
    expect(most).toBe(1)
    add(2, undefined, 2)
    await within(() => expect(offsets.get(2)).toEqual(range(3)))
    expect(new Set(leaders.asked.map(({ node }) => node))).toEqual(new Set([1, 2]))
  })

  it('leaves out a partition whose handler is behind, and reads the others', async () => {
    leaders.answer = logUpTo(20n)
    add(0, never)
    add(1)
    await within(() => expect(offsets.get(1)).toEqual(range(20)))
    expect(offsets.get(0)).toEqual([0n])
    expect(Math.max(...leaders.asked.map(({ offsets }) => Number(offsets.get('t-0') ?? 0)))).toBe(1)
  })

  it.each([
    ['stays where it is while others land beside it', 100_000],
    ['moves out when its memory is needed', 200],
  ])('what a slow handler has not read yet %s', async (_, memoryBytes) => {
    const { answersAt } = WASM_LAYOUT
    leaders.memory = new AnswerMemory(answersAt, answersAt + memoryBytes)
    leaders.answer = async ({ offsets }) => {
      const due = [...offsets].filter(([, offset]) => offset < 60n)
      return Promise.all(due.map(([name, offset]) => records(Number(name.slice(2)), offset, 3)))
    }
    const gate = Promise.withResolvers<void>()
    add(0, () => gate.promise)
    add(1)
    await within(() => expect(offsets.get(1)).toEqual(range(60)))
    gate.resolve()
    await within(() => expect(offsets.get(0)).toEqual(range(60)))
    expect(told).toEqual([])
    expect(leaders.memory.take(memoryBytes)?.bytes.byteOffset).toBe(answersAt)
    expect(leaders.givenBack).toBeGreaterThan(20)
  })

  it('lets the broker wait no longer than the busy one has been busy, so that it is not overslept', async () => {
    const clock = new FakeClock()
    loops.close()
    start(undefined, clock)
    leaders.answer = logUpTo(2n)
    add(0, never)
    add(1)
    const lastWaitMs = () => leaders.asked.filter(({ offsets }) => !offsets.has('t-0')).at(-1)?.maxWaitMs
    await within(() => expect(lastWaitMs()).toBe(5))
    await clock.advance(120)
    await within(() => expect(lastWaitMs()).toBe(120))
    await clock.advance(1_000)
    await within(() => expect(lastWaitMs()).toBe(500))
  })

  it('asks first for those that did not get anything last time', async () => {
    leaders.answer = async ({ offsets }) => {
      const [first] = offsets
      return first ? [await records(Number(first[0].slice(2)), first[1], 1)] : []
    }
    add(0)
    add(1)
    add(2)
    await within(() => expect(leaders.asked.length).toBeGreaterThan(10))
    const counts = [...offsets.values()].map(({ length }) => length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
  })

  it('fetches nothing more while too much is not handled', async () => {
    loops.close()
    start(50)
    leaders.answer = logUpTo(20n)
    const gate = Promise.withResolvers<void>()
    add(0, () => gate.promise)
    add(1, () => gate.promise)
    await within(() => expect(offsets.get(0)).toEqual([0n]))
    await delay(60)
    expect(leaders.asked.map(({ offsets }) => offsets.get('t-0'))).not.toContain(1n)
    gate.resolve()
    await within(() => expect([...offsets.values()]).toEqual([range(20), range(20)]))
  })

  it('asks for no more than it may hold', async () => {
    loops.close()
    start(2 * 2 ** 20)
    add(0)
    await within(() => expect(leaders.asked[0]?.maxBytes).toBe(2 * 2 ** 20))
  })

  it('asks all brokers at once, together for no more than it may hold', async () => {
    loops.close()
    start(16 * 2 ** 20)
    let [open, bytes, mostBytes] = [0, 0, 0]
    leaders.answer = async ({ maxBytes }) => {
      open++
      bytes += maxBytes
      mostBytes = Math.max(mostBytes, bytes)
      // The first ones were asked before the others were there.
      await (leaders.asked.length > 200 ? never() : delay(1))
      open--
      bytes -= maxBytes
      return []
    }
    for (let node = 0; node < 50; node++) add(node, undefined, node)
    await within(() => expect(open).toBe(50))
    expect(mostBytes / 2 ** 20).toBeLessThan(17)
  })

  it('asks brokers in turn where most of what it may hold is not handled', async () => {
    loops.close()
    let [open, most] = [0, 0]
    leaders.answer = async (asked) => {
      most = Math.max(most, ++open)
      await delay(1)
      open--
      return asked.node === 0 ? Promise.all([records(0, asked.offsets.get('t-0') ?? 0n, 10)]) : logUpTo(5n)(asked)
    }
    const setBytes = (await records(0, 0n, 10)).data?.length ?? 0
    start(2.5 * setBytes)
    const stuck = add(0, never, 0)
    await within(() => expect(stuck.isIdle).toBe(false))
    most = 0
    for (let node = 1; node <= 8; node++) add(node, undefined, node)
    await within(() => expect([...offsets.values()].slice(1)).toEqual(Array(8).fill(range(5))))
    expect(most).toBeLessThan(4)
  })

  it('gives nothing more to a reader that was removed, and leaves alone the one that came after it', async () => {
    let end = 5n
    const gate = Promise.withResolvers<void>()
    leaders.answer = async (asked) => {
      await gate.promise
      return logUpTo(end)(asked)
    }
    const former = add(0)
    const got = offsets.get(0)
    await within(() => expect(leaders.asked).toHaveLength(1))
    loops.remove(former)
    add(0)
    gate.resolve()
    await within(() => expect(offsets.get(0)).toEqual(range(5)))
    loops.remove(former)
    end = 8n
    await within(() => expect(offsets.get(0)).toEqual(range(8)))
    expect(got).toEqual([])
  })

  it('forgets of a reader that was removed what waits for its handler, how far it is behind, and what is wrong with it', async () => {
    leaders.answer = logUpTo(20n)
    const gate = Promise.withResolvers<void>()
    const busy = add(0, () => gate.promise)
    await within(() => expect(busy.isIdle).toBe(false))
    loops.remove(busy)
    expect(loops.lag()).toBe(0)
    gate.resolve()
    leaders.answer = async () => [{ partition: 1, errorCode: 29 }]
    const refused = add(1)
    await within(() => expect(told).toHaveLength(1))
    loops.remove(refused)
    expect(told.at(-1)).toBeNull()
    expect(offsets.get(0)).toEqual([0n])
  })

  it('hands out nothing any more once it is closed', async () => {
    leaders.answer = logUpTo(20n)
    const gate = Promise.withResolvers<void>()
    const reader = add(0, () => gate.promise)
    await within(() => expect(reader.isIdle).toBe(false))
    loops.close()
    gate.resolve()
    await delay(10)
    expect(offsets.get(0)).toEqual([0n])
  })

  it('stops a partition whose offset is out of range, and never begins somewhere else', async () => {
    leaders.answer = async ({ offsets }) => (offsets.has('t-0') ? [{ partition: 0, errorCode: 1 }] : [])
    const reader = add(0)
    await within(() => expect(outOfRange).toEqual([reader]))
    expect(reader).toMatchObject({ stopped: true, fetchOffset: 0n })
    const before = leaders.asked.length
    await delay(50)
    expect(leaders.asked.length).toBe(before)
  })
})
