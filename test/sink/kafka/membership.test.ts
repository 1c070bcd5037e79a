import { expect, test } from 'vitest'
import { createLogger } from '../../../src/lib/logger.ts'
import { Membership } from '../../../src/sink/kafka/membership.ts'
import type { FoundOffset } from '../../../src/sink/kafka/offset-calls.ts'
import { Problems } from '../../../src/sink/kafka/problems.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { RecordingListener } from '../../support/recording-listener.ts'

test('an answer that fails after its generation is over is no problem of the one that follows', async () => {
  const clock = new FakeClock()
  const problems: (string | null)[] = []
  const asked: PromiseWithResolvers<Map<string, FoundOffset>>[] = []
  const membership = new Membership({
    member: {
      committedOffsets: () => {
        const answer = Promise.withResolvers<Map<string, FoundOffset>>()
        asked.push(answer)
        return answer.promise
      },
      commit: async () => [],
      heartbeat: async () => {},
    },
    reading: {
      begin: async () => {},
      failed: () => {},
      lag: () => 0,
      readable: () => 0,
      regroup: () => {},
      close: () => {},
    },
    clusterId: 'c',
    topicIds: { recreated: async () => new Map() },
    topicIdOf: () => undefined,
    newcomers: { has: () => false },
    clock,
    logger: createLogger('silent'),
    problems: new Problems((line) => problems.push(line)),
    listener: new RecordingListener(),
    heartbeatIntervalMs: 1_000,
    revocationMs: 1_000,
  })
  const generation = { memberId: 'm', assigned: [{ topic: 't', partitions: [0] }], plannedFor: new Map() }
  membership.adopt({ ...generation, generationId: 1 })
  asked[0]?.reject(new Error('refused'))
  await settled()
  clock.advance(1_000)
  await settled()
  await membership.pause()
  membership.adopt({ ...generation, generationId: 2 })
  asked[2]?.resolve(new Map([['t-0', { offset: 0n, leaderEpoch: 0, metadata: '' }]]))
  await settled()
  asked[1]?.reject(new Error('no answer'))
  await settled()
  expect(asked).toHaveLength(3)
  expect(problems).toEqual([])
})
