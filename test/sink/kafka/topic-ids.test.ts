import { expect, test } from 'vitest'
import type { ClusterMetadata } from '../../../src/sink/kafka/cluster.ts'
import { TopicIds } from '../../../src/sink/kafka/topic-ids.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const metadata = (ids: Record<string, string | undefined>): ClusterMetadata => ({
  clusterId: 'c',
  brokers: new Map(),
  topics: new Map(
    Object.entries(ids).map(([topic, id]) => [
      topic,
      { id, errorCode: 0, internal: false, partitions: [0], leaders: new Map() },
    ]),
  ),
})
const commit = (topic: string, topicId: string | undefined) => ({
  topic,
  partition: 0,
  topicId,
  offset: 0n,
  metadata: '',
})
const away = async (): Promise<never> => {
  throw new Error('no leader')
}
const { signal } = new AbortController()

test('the leader is asked for every commit whose topic has an id, and those of another topic are named', async () => {
  const asked: string[] = []
  const askLeader = async (topic: string, partition: number) => {
    asked.push(`${topic}-${partition}`)
    return metadata({ same: 'A', other: 'C' })
  }
  const ids = new TopicIds({ cluster: { askLeader, refresh: away }, clock: new FakeClock() })
  const commits = [commit('same', 'A'), commit('other', 'B'), commit('untold', undefined), commit('deleted', 'D')]
  const found = await ids.recreated(commits, signal)
  expect([...found.keys()]).toEqual(['other-0'])
  expect(found.get('other-0')?.message).toContain('(id B before, C now)')
  expect(asked).toEqual(['same-0', 'other-0', 'deleted-0'])
})

test('where no leader answers another broker is asked, and all again until one does', async () => {
  let failures = 3
  const refresh = async () => {
    if (failures-- > 0) throw new Error('no broker')
    return metadata({ t: 'B' })
  }
  const clock = new FakeClock()
  const recreated = new TopicIds({ cluster: { askLeader: away, refresh }, clock }).recreated([commit('t', 'A')], signal)
  await clock.advance(10_000)
  expect([...(await recreated).keys()]).toEqual(['t-0'])
})

test('what it waits for is told when it takes more than a moment', async () => {
  const clock = new FakeClock()
  const told: unknown[] = []
  const ids = new TopicIds({ cluster: { askLeader: away, refresh: away }, clock })
  void ids.recreated([commit('t', 'A')], signal, (error) => told.push(error))
  await clock.advance(700)
  expect(told).toEqual([])
  await clock.advance(3_000)
  expect(told).toContainEqual(new Error('no leader'))
})

test('a member whose time is over waits for nobody', async () => {
  const over = new AbortController()
  const clock = new FakeClock()
  const ids = new TopicIds({ cluster: { askLeader: away, refresh: away }, clock })
  const recreated = ids.recreated([commit('t', 'A')], over.signal)
  await clock.advance(1_000)
  over.abort()
  expect(await recreated).toEqual(new Map())
})
