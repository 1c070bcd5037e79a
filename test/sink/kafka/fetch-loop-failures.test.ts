import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { KafkaConnectionError } from '../../../src/sink/kafka/kafka-error.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  add,
  leaders,
  logUpTo,
  loops,
  offsets,
  onFakeLeaders,
  range,
  records,
  start,
  told,
  within,
} from './loops-on-fake-leaders.ts'

onFakeLeaders()

const noAnswer = () => new KafkaConnectionError('no answer to Fetch from kafka:9092 (ECONNRESET)')

describe('a leader that moves', () => {
  it('is followed', async () => {
    leaders.answer = async (asked) => (asked.node === 1 ? [{ partition: 0, errorCode: 6 }] : logUpTo(3n)(asked))
    leaders.onRefresh = () => {
      leaders.leaders.set(0, 2)
      loops.regroup()
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual(range(3)))
    expect(told).toEqual([])
  })

  it('may answer as the new one does: one of the answers is taken', async () => {
    const gates = new Map([1, 2].map((node) => [node, Promise.withResolvers<void>()]))
    leaders.answer = async (asked) => {
      if ((asked.offsets.get('t-0') ?? 0n) >= 6n) return []
      if (asked.offsets.get('t-0') === 0n) await gates.get(asked.node)?.promise
      return [await records(0, asked.offsets.get('t-0') ?? 0n, 3)]
    }
    const busy = Promise.withResolvers<void>()
    add(0, () => busy.promise)
    await within(() => expect(leaders.asked).toHaveLength(1))
    leaders.leaders.set(0, 2)
    loops.regroup()
    await within(() => expect(leaders.asked).toHaveLength(2))
    gates.get(2)?.resolve()
    await within(() => expect(leaders.asked.at(-1)?.offsets.get('t-0')).toBe(3n))
    gates.get(1)?.resolve()
    await delay(30)
    busy.resolve()
    await within(() => expect(offsets.get(0)).toEqual(range(6)))
  })

  it('is followed though another partition fails in the same answer', async () => {
    leaders.answer = async (asked) =>
      asked.node === 1
        ? [
            { partition: 0, errorCode: 6 },
            { partition: 1, errorCode: 29 },
          ]
        : logUpTo(3n)(asked)
    leaders.onRefresh = () => {
      leaders.leaders.set(0, 2)
      loops.regroup()
    }
    add(0)
    add(1)
    await within(() => expect(offsets.get(0)).toEqual(range(3)))
  })

  it('may come back, however often', async () => {
    let end = 0n
    leaders.answer = async (asked) => (asked.node === leaders.leaders.get(0) ? logUpTo(end)(asked) : [])
    add(0)
    for (const node of [1, 2, 1, null, 1, null, 2]) {
      leaders.leaders.set(0, node)
      leaders.onRefresh = () => {
        if (node === null) leaders.leaders.set(0, 1)
        loops.regroup()
      }
      loops.regroup()
      end++
      await within(() => expect(offsets.get(0)).toEqual(range(Number(end))))
      // So long may the last question to the one before it take.
      await delay(30)
    }
    expect(told).toEqual([])
  })

  it('is looked for where there is none, and told if that takes long', async () => {
    leaders.answer = logUpTo(1n)
    add(0, undefined, null)
    await within(() => expect(told).toEqual(['Kafka: t-0 has no leader']))
    leaders.onRefresh = () => {
      leaders.leaders.set(0, 1)
      loops.regroup()
    }
    await within(() => expect(offsets.get(0)).toEqual([0n]))
    expect(told.at(-1)).toBeNull()
  })
})

describe('a failure', () => {
  it('that is the only one is not told, one that lasts is, and taken back', async () => {
    let failures = 3
    leaders.answer = async (asked) => {
      if (failures-- > 0) throw noAnswer()
      return logUpTo(1n)(asked)
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual([0n]))
    await within(() => expect(told).toEqual(['Kafka: no answer to Fetch from kafka:9092 (ECONNRESET)', null]))
  })

  it('now and then is not told either, of a broker or of a partition', async () => {
    leaders.answer = async (asked) => {
      const n = leaders.asked.length
      if (n % 4 === 1) throw noAnswer()
      if (n % 4 === 3) return [{ partition: 0, errorCode: 6 }]
      return logUpTo(4n)(asked)
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual(range(4)))
    expect(told).toEqual([])
    expect(leaders.refreshes).toBeGreaterThanOrEqual(4)
  })

  it('of a fetch that is under way when all is closed is told to nobody', async () => {
    const gate = Promise.withResolvers<void>()
    leaders.answer = async () => {
      if (leaders.asked.length > 1) await gate.promise
      throw noAnswer()
    }
    add(0)
    await within(() => expect(leaders.asked).toHaveLength(2))
    loops.close()
    gate.resolve()
    await delay(10)
    expect(told).toEqual([])
  })

  it.each([
    ['broker', () => Promise.reject(noAnswer())],
    ['partition', async () => [{ partition: 0, errorCode: 29 }]],
  ])('of a %s is followed by a pause', async (_what, answer) => {
    const clock = new FakeClock()
    loops.close()
    start(undefined, clock)
    leaders.answer = answer
    add(0)
    await within(() => expect(leaders.asked).toHaveLength(1))
    await delay(50)
    expect(leaders.asked).toHaveLength(1)
    await within(async () => {
      await clock.advance(100)
      expect(leaders.asked.length).toBeGreaterThan(1)
    })
  })

  it('to read what may not be read is told until it may be, and the others are read', async () => {
    leaders.answer = async (asked) => {
      const others = (await logUpTo(2n)(asked)).filter(({ partition }) => partition !== 0)
      return asked.offsets.has('t-0') ? [...others, { partition: 0, errorCode: 29 }] : others
    }
    add(0)
    add(1)
    await within(() =>
      expect(told).toEqual(['Kafka fetch of t-0: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)']),
    )
    await within(() => expect(offsets.get(1)).toEqual(range(2)))
    leaders.answer = logUpTo(3n)
    await within(() => expect(told.at(-1)).toBeNull())
  })

  it('of a partition is over soon though the machine’s clock is set back meanwhile', async () => {
    let aheadMs = 3_600_000
    start(undefined, { ...systemClock, now: () => Date.now() + aheadMs })
    leaders.answer = async (asked) => (leaders.refreshes === 0 ? [{ partition: 0, errorCode: 6 }] : logUpTo(3n)(asked))
    leaders.onRefresh = () => {
      aheadMs = 0
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual(range(3)))
  })
})
