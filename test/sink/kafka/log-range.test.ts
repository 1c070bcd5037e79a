import { beforeEach, describe, expect, it, test } from 'vitest'
import type { KafkaCluster } from '../../../src/sink/kafka/cluster.ts'
import { problemLine } from '../../../src/sink/kafka/kafka-error.ts'
import { endOfEpoch, placeToBegin } from '../../../src/sink/kafka/log-range.ts'
import type { ApiCall } from '../../../src/sink/kafka/protocol.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { consecutive, encodeBatch } from '../../support/record-batches.ts'

test('nobody begins in a topic that may be described and not read, until it may be read', async () => {
  const clock = new FakeClock()
  const asked: string[] = []
  const told: (string | null)[] = []
  let fetchError = 29
  const send = async <R>({ request }: ApiCall<R>) => {
    asked.push(request.apiName)
    const partition = { topic: 't', partition: 0, errorCode: request.apiName === 'Fetch' ? fetchError : 0 }
    return { partitions: [partition], responses: [{ topic: 't', partitions: [{ ...partition, offset: '7' }] }] } as R
  }
  const place = placeToBegin('earliest', {
    cluster: {
      leaderOf: () => 1,
      connectionToNode: async () => ({ send }),
      refresh: async () => {},
    } as unknown as KafkaCluster,
    clock,
    topic: 't',
    partition: 0,
    ended: new AbortController().signal,
    onTrouble: (error) => told.push(error === null ? null : problemLine(error)),
  })
  for (let tries = 0; tries < 3; tries++) {
    await settled()
    clock.advance(5_000)
  }
  await settled()
  expect(new Set(asked)).toEqual(new Set(['Fetch']))
  expect(new Set(told)).toEqual(
    new Set(['Kafka topic t: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)']),
  )
  // The log does not reach as far as it asks.
  fetchError = 1
  clock.advance(5_000)
  expect(await place).toBe(7n)
  expect(told.at(-1)).toBeNull()
})

describe('endOfEpoch', () => {
  const last = { from: 90n, epoch: 5 }
  /** What a fetch from there brings. */
  let there: object

  beforeEach(async () => {
    there = await batchAt(90n)
  })

  async function batchAt(baseOffset: bigint): Promise<object> {
    return { errorCode: 0, data: await encodeBatch({ baseOffset, records: consecutive(baseOffset, 5) }) }
  }

  /** What is made of an answer, where epoch 5 was read up to 100 and `next` comes. */
  function told(answer: object | null, next = 6): Promise<bigint | null> {
    const partition = { partition: 0, errorCode: 0, leaderEpoch: 5, endOffset: 100n, ...answer }
    return endOfEpoch(last, next, 100n, {
      cluster: {
        leaderOf: () => 1,
        connectionToNode: async () => ({
          speaks: () => answer !== null,
          send: async ({ request }: ApiCall<unknown>) =>
            request.apiName === 'Fetch'
              ? { partitions: [there] }
              : { responses: [{ topic: 't', partitions: [partition] }] },
        }),
      } as unknown as KafkaCluster,
      clock: new FakeClock(),
      topic: 't',
      partition: 0,
      ended: new AbortController().signal,
      onTrouble: () => {},
    })
  }

  it('is where the leader says that its records of the epoch end', async () => {
    expect(await told({ endOffset: 95n })).toBe(95n)
  })

  it('lies before all that was read of the epoch where the leader has nothing of it', async () => {
    expect(await told({ leaderEpoch: 4, endOffset: 80n })).toBe(80n)
    // Elected twice: what it has of an earlier epoch goes further than what we read of a later one.
    expect(await told({ leaderEpoch: 4, endOffset: 120n }, 4)).toBe(90n)
    there = { errorCode: 1 }
    expect(await told({ leaderEpoch: 4, endOffset: 120n }, 4)).toBe(90n)
  })

  it('is that of an earlier epoch where nothing is left of what was read, nor anything else: it was compacted away', async () => {
    there = await batchAt(100n)
    expect(await told({ leaderEpoch: 4, endOffset: 100n })).toBe(100n)
    expect(await told({ leaderEpoch: 4, endOffset: 95n })).toBe(90n)
    there = await batchAt(99n)
    expect(await told({ leaderEpoch: 4, endOffset: 100n })).toBe(90n)
  })

  it('is told by a fallen epoch where the leader tells nothing', async () => {
    const nothing = { leaderEpoch: -1, endOffset: -1n }
    expect(await told(nothing, 4)).toBe(90n)
    expect(await told(nothing, 6)).toBeNull()
  })

  it('stays open with brokers that do not know the question, or refuse it', async () => {
    expect(await told(null)).toBeNull()
    expect(await told({ errorCode: 29 })).toBeNull()
  })
})
