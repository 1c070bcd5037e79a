import { describe, expect, it } from 'vitest'
import {
  joined,
  kafka,
  listener,
  onFakeKafka,
  running,
  source,
  start,
  UNSTABLE,
  within,
} from './source-on-fake-kafka.ts'

onFakeKafka()

describe('stop', () => {
  it('lets handlers finish and commit, leaves, and is done', async () => {
    start()
    const { first, second } = await joined()
    first.onRevoked = () => first.tenure.commit(3n, '')
    await source.stop(AbortSignal.timeout(2_000))
    await running
    expect([first.heard, second.heard]).toEqual(Array(2).fill(['revoked', 'revoked done']))
    expect(first.reason).toBe('shutdown')
    expect(kafka.sent('OffsetCommit')).toHaveLength(1)
    expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
  })

  it('does not begin to read for a handler that is still being told where it begins', async () => {
    const gate = Promise.withResolvers<void>()
    listener.onAssigned = async (handler) => {
      handler.onRecords = () => gate.promise
      handler.onRevoked = async () => {
        gate.resolve()
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    start()
    await within(() => expect(listener.handlers.map(({ position }) => position)).toEqual([0n, 0n]))
    const asked = kafka.sent('Fetch').length
    await source.stop(AbortSignal.timeout(2_000))
    // One for each partition, whether it may be read.
    expect([asked, kafka.sent('Fetch').length]).toEqual([2, 2])
  })

  it('does not wait for a handler beyond the deadline', async () => {
    start()
    const { first } = await joined()
    first.onRevoked = () => new Promise(() => {})
    await source.stop(AbortSignal.timeout(100))
    await running
    expect(first.heard).toEqual(['revoked', 'lost'])
  })

  it('does not wait for offsets that nobody tells beyond the deadline', async () => {
    kafka.next('OffsetFetch', ...Array<number>(100).fill(UNSTABLE))
    start()
    await within(() => expect(kafka.sent('OffsetFetch').length).toBeGreaterThan(0))
    await source.stop(AbortSignal.timeout(100))
    await running
    expect(listener.handlers).toEqual([])
  })

  it('does not wait for the others in the group when it comes while joining', async () => {
    kafka.next('JoinGroup', 0, 'silence')
    start({ timings: { rebalanceTimeoutMs: 60_000 } })
    await within(() => expect(kafka.sent('JoinGroup')).toHaveLength(2))
    const began = Date.now()
    await source.stop(AbortSignal.timeout(5_000))
    expect(Date.now() - began).toBeLessThan(1_000)
    expect(kafka.sent('LeaveGroup')).toMatchObject([{ memberId: 'member-1' }])
  })

  it('is at once when Kafka was never reached, and may be called again', async () => {
    start({ bootstrapServers: ['127.0.0.1:1'] })
    await within(() => expect(listener.problems).toHaveLength(1))
    const began = Date.now()
    await source.stop(AbortSignal.timeout(5_000))
    await source.stop(AbortSignal.timeout(5_000))
    expect(Date.now() - began).toBeLessThan(1_000)
  })
})
