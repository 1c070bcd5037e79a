import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { CommitQueue } from '../../../src/sink/kafka/commit-queue.ts'
import type { PartitionCommit } from '../../../src/sink/kafka/offset-calls.ts'
import { TenureLostError } from '../../../src/sink/record-source.ts'
import { settled } from '../../support/fake-clock.ts'

const commitOf = (partition: number): PartitionCommit => ({ topic: 't', partition, offset: 1n, metadata: '' })
const never = new AbortController().signal

/** A queue whose requests are answered by hand. */
function queue() {
  const sent: { partitions: number[]; answer: (errors: (Error | null)[]) => void; fail: (error: Error) => void }[] = []
  const commits = new CommitQueue((commits) => {
    const { promise, resolve, reject } = Promise.withResolvers<(Error | null)[]>()
    sent.push({ partitions: commits.map(({ partition }) => partition), answer: resolve, fail: reject })
    return promise
  })
  return { commits, sent }
}

it('commits of one turn are one request, later ones another that does not wait for the first', async () => {
  const { commits, sent } = queue()
  commits.resume()
  const first = [commits.commit(commitOf(0), never), commits.commit(commitOf(1), never)]
  await settled()
  const later = commits.commit(commitOf(2), never)
  await settled()
  expect(sent.map(({ partitions }) => partitions)).toEqual([[0, 1], [2]])
  const refusal = new Error('refused')
  sent[0]?.answer([refusal, null])
  sent[1]?.fail(new Error('no answer'))
  expect(await Promise.allSettled([...first, later])).toMatchObject([
    { reason: refusal },
    { status: 'fulfilled' },
    { reason: { message: 'no answer' } },
  ])
})

it('no request has more than Kafka writes at once, and the others do not wait for it', async () => {
  const { commits, sent } = queue()
  commits.resume()
  const all = Array.from({ length: 1_200 }, (_, partition) => commits.commit(commitOf(partition), never))
  await settled()
  expect(sent.map(({ partitions }) => [partitions[0], partitions.length])).toEqual([
    [0, 500],
    [500, 500],
    [1_000, 200],
  ])
  for (const { partitions, answer } of sent) answer(partitions.map(() => null))
  await Promise.all(all)
})

it('nothing is sent while it is suspended, and suspending waits for what is under way', async () => {
  const { commits, sent } = queue()
  commits.resume()
  const underWay = commits.commit(commitOf(0), never)
  await settled()
  let isSuspended = false
  const suspended = commits.suspend().then(() => {
    isSuspended = true
  })
  const held = commits.commit(commitOf(1), never)
  await settled()
  expect([isSuspended, sent.length]).toEqual([false, 1])
  sent[0]?.answer([null])
  await Promise.all([underWay, suspended])
  await settled()
  expect(sent).toHaveLength(1)
  commits.resume()
  await settled()
  sent[1]?.answer([null])
  await held
})

it('nothing is sent before it is resumed once, nor what was to be sent at the end of the turn in which it is suspended', async () => {
  const { commits, sent } = queue()
  const first = commits.commit(commitOf(0), never)
  await settled()
  expect(sent).toEqual([])
  commits.resume()
  void commits.suspend()
  await settled()
  expect(sent).toEqual([])
  commits.resume()
  await settled()
  sent[0]?.answer([null])
  await first
})

it('what was sent is waited for though its tenure ends, and leaves nothing on the signal of that', async () => {
  const { commits, sent } = queue()
  const tenure = new AbortController()
  commits.resume()
  const committed = commits.commit(commitOf(0), tenure.signal)
  await settled()
  expect(getEventListeners(tenure.signal, 'abort')).toHaveLength(1)
  tenure.abort()
  sent[0]?.answer([null])
  await committed
  const next = new AbortController()
  const other = commits.commit(commitOf(1), next.signal)
  await settled()
  sent[1]?.answer([null])
  await other
  expect(getEventListeners(next.signal, 'abort')).toEqual([])
})

it('a commit is not sent when its tenure has ended before', async () => {
  const { commits, sent } = queue()
  const ended = new AbortController()
  const early = commits.commit(commitOf(0), ended.signal)
  ended.abort()
  await expect(early).rejects.toThrow(TenureLostError)
  await expect(commits.commit(commitOf(1), ended.signal)).rejects.toThrow(TenureLostError)
  commits.resume()
  await settled()
  expect(sent).toEqual([])
})
