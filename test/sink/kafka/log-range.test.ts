import { expect, test } from 'vitest'
import type { KafkaCluster } from '../../../src/sink/kafka/cluster.ts'
import { problemLine } from '../../../src/sink/kafka/kafka-error.ts'
import { placeToBegin } from '../../../src/sink/kafka/log-range.ts'
import type { ApiCall } from '../../../src/sink/kafka/protocol.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'

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
