import { expect, test } from 'vitest'
import { sinkStatusSchema } from '../../src/contract/sink-status.ts'
import { SinkStats } from '../../src/sink/sink-stats.ts'
import { SinkHealth, stateOf } from '../../src/sink/status.ts'
import { FakeClock } from '../support/fake-clock.ts'

const facts = { isStopping: false, hasJoined: true, problems: new Map<string, string>() }

test('the state follows from the facts: stopping before failed before joined', () => {
  const problems = new Map([['kafka', 'no broker']])
  expect(stateOf({ ...facts, hasJoined: false })).toEqual({ state: 'STARTING', error: null })
  expect(stateOf(facts)).toEqual({ state: 'ACTIVE', error: null })
  expect(stateOf({ ...facts, problems })).toEqual({ state: 'FAILED', error: 'no broker' })
  expect(stateOf({ ...facts, hasJoined: false, problems })).toEqual({ state: 'FAILED', error: 'no broker' })
  expect(stateOf({ ...facts, isStopping: true, problems })).toEqual({ state: 'STOPPING', error: null })
})

const SOURCE = { lag: () => 5, topicPartitions: () => 12 }
const statusOf = (health: SinkHealth) => health.status({ connector: 'games/c' }, 'abc', new SinkStats(), SOURCE)

test('since moves when state or error change, and only then', async () => {
  const clock = new FakeClock(0)
  const health = new SinkHealth(clock)
  const sinceSeconds = () => Date.parse(statusOf(health).since) / 1000
  await clock.advance(1_000)
  health.settled(3)
  expect(sinceSeconds()).toBe(1)
  await clock.advance(1_000)
  health.settled(2)
  expect([sinceSeconds(), statusOf(health).partitions]).toEqual([1, 2])
  health.problem('bucket', 'gone')
  expect(sinceSeconds()).toBe(2)
  await clock.advance(1_000)
  health.problem('bucket', 'gone')
  expect(sinceSeconds()).toBe(2)
  health.problem('bucket', 'denied')
  expect([sinceSeconds(), statusOf(health).error]).toEqual([3, 'denied'])
})

test('what broke first is shown until it is mended, then what broke next', () => {
  const health = new SinkHealth(new FakeClock())
  health.settled(1)
  health.problem('kafka', 'no broker')
  health.problem('t-0', 'no bucket')
  expect(statusOf(health).error).toBe('no broker')
  health.problem('kafka', null)
  expect(statusOf(health).error).toBe('no bucket')
  health.problem('t-0', null)
  expect(statusOf(health)).toMatchObject({ state: 'ACTIVE', error: null })
})

test('a status is what the operator expects, and its numbers add up', () => {
  const stats = new SinkStats()
  stats.read = 10
  stats.setCommitted({ read: 6, delivered: 3, filtered: 1, rejected: new Map([['not_json', 2]]) }, 0)
  stats.setAbandoned({ read: 3, delivered: 3, filtered: 0, rejected: new Map() })
  const status = new SinkHealth(new FakeClock()).status({ connector: 'games/c' }, 'abc', stats, SOURCE)
  expect(sinkStatusSchema.parse(status)).toEqual(status)
  expect(status).toMatchObject({ lag: 5, topicPartitions: 12 })
  // One is still buffered.
  expect(status.records).toEqual({ read: 7, delivered: 3, rejected: 2, filtered: 1 })
})
