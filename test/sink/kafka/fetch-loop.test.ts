import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { AnswerMemory } from '../../../src/sink/kafka/answer-memory.ts'
import { FetchLoops } from '../../../src/sink/kafka/fetch-loop.ts'
import { KafkaConnectionError } from '../../../src/sink/kafka/kafka-error.ts'
import { LeaderEpochs, UNKNOWN_EPOCH } from '../../../src/sink/kafka/leader-epochs.ts'
import { PartitionReader } from '../../../src/sink/kafka/partition-reader.ts'
import { Problems } from '../../../src/sink/kafka/problems.ts'
import type { RecordBatch } from '../../../src/sink/record-source.ts'
import { WASM_LAYOUT } from '../../../src/sink/wasm-memory.ts'
import { eventually } from '../../support/eventually.ts'
import { consecutive, encodeBatch } from '../../support/record-batches.ts'
import { takeAll } from '../../support/source-records.ts'
import { type Answer, type Asked, FakeLeaders } from './fake-leaders.ts'

let leaders: FakeLeaders
let loops: FetchLoops
let told: (string | null)[]
let outOfRange: PartitionReader[]
let offsets: Map<number, bigint[]>

function start(maxBufferedBytes = 1_000_000, clock: Clock = systemClock): void {
  loops = new FetchLoops({
    cluster: leaders,
    clock,
    problems: new Problems((line) => told.push(line)),
    maxBufferedBytes,
  })
}

beforeEach(() => {
  leaders = new FakeLeaders()
  told = []
  outOfRange = []
  offsets = new Map()
  start()
})

afterEach(() => loops.close())

function add(
  partition: number,
  handle: () => Promise<void> = async () => {},
  leader: number | null = 1,
): PartitionReader {
  leaders.leaders.set(partition, leader)
  const got: bigint[] = []
  offsets.set(partition, got)
  const records = async (batch: RecordBatch) => {
    got.push(...takeAll(batch).map(({ offset }) => offset))
    await handle()
  }
  const reader = new PartitionReader({
    topic: 't',
    partition,
    startOffset: 0n,
    handler: { records },
    epochs: new LeaderEpochs({ offset: 0n, leaderEpoch: UNKNOWN_EPOCH }),
    endOfEpoch: async () => null,
    onOutOfRange: () => outOfRange.push(reader),
    onTruncated: () => {},
    onFailed: (error) => told.push(String(error)),
  })
  loops.add(reader)
  return reader
}

async function records(partition: number, from: bigint, count: number): Promise<Answer> {
  return { partition, data: await encodeBatch({ baseOffset: from, records: consecutive(from, count) }) }
}

/** Answers with one record for each partition that is asked for, while its offset is below `end`. */
function logUpTo(end: bigint) {
  return async ({ offsets }: Asked): Promise<Answer[]> => {
    const due = [...offsets].filter(([, offset]) => offset < end)
    return Promise.all(due.map(([name, offset]) => records(Number(name.slice(2)), offset, 1)))
  }
}

const within = <T>(check: () => T) => eventually(3_000, check, 5)
const range = (end: number) => Array.from({ length: end }, (_, i) => BigInt(i))
const never = () => new Promise<void>(() => {})

describe('FetchLoops', () => {
  it('reads on from where each answer ended', async () => {
    leaders.answer = logUpTo(5n)
    add(0)
    add(1)
    await within(() => expect([...offsets.values()]).toEqual([range(5), range(5)]))
    expect(loops.lag()).toBe(190)
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
    leaders.answer = logUpTo(2n)
    add(0, never)
    add(1)
    const waitsWithoutIt = () =>
      leaders.asked.filter(({ offsets }) => !offsets.has('t-0')).map(({ maxWaitMs }) => maxWaitMs)
    await within(() => expect(waitsWithoutIt().at(-1)).toBe(500))
    const waits = waitsWithoutIt()
    expect(waits[0]).toBeLessThan(50)
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
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

  it('goes to the new leader when it has moved', async () => {
    leaders.answer = async (asked) => (asked.node === 1 ? [{ partition: 0, errorCode: 6 }] : logUpTo(3n)(asked))
    leaders.onRefresh = () => {
      leaders.leaders.set(0, 2)
      loops.regroup()
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual(range(3)))
    expect(told).toEqual([])
  })

  it('takes one answer when the old leader and the new one both send the same records', async () => {
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

  it('looks for the leader of a partition that has none, and says so if it takes long', async () => {
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

  it('says nothing of one failure, names what lasts, and takes it back', async () => {
    let failures = 3
    leaders.answer = async (asked) => {
      if (failures-- > 0) throw new KafkaConnectionError('no answer to Fetch from kafka:9092 (ECONNRESET)')
      return logUpTo(1n)(asked)
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual([0n]))
    await within(() => expect(told).toEqual(['Kafka: no answer to Fetch from kafka:9092 (ECONNRESET)', null]))
  })

  it('tells what it may not read, and reads the others', async () => {
    leaders.answer = async (asked) => {
      const others = (await logUpTo(2n)(asked)).filter(({ partition }) => partition !== 0)
      return asked.offsets.has('t-0') ? [...others, { partition: 0, errorCode: 29 }] : others
    }
    add(0)
    add(1)
    await within(() =>
      expect(told).toEqual(['Kafka fetch of t-0: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)']),
    )
    expect(offsets.get(1)).toEqual(range(2))
  })

  it('asks again soon for a partition that failed though the machine’s clock is set back meanwhile', async () => {
    let aheadMs = 3_600_000
    start(undefined, { ...systemClock, now: () => Date.now() + aheadMs })
    leaders.answer = async (asked) => (leaders.refreshes === 0 ? [{ partition: 0, errorCode: 6 }] : logUpTo(3n)(asked))
    leaders.onRefresh = () => {
      aheadMs = 0
    }
    add(0)
    await within(() => expect(offsets.get(0)).toEqual(range(3)))
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
