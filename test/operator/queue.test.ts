import { describe, expect, it, vi } from 'vitest'
import { KeyQueue, type Outcome, type QueueObserver } from '../../src/operator/queue.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

interface Work {
  readonly key: string
  readonly end: (outcome?: Outcome) => Promise<void>
}

/** A queue whose workers end when the test says so. */
function setUp({ concurrency = 1, start = true } = {}) {
  const clock = new FakeClock()
  const begun: Work[] = []
  const counts = { added: 0, retried: 0, waitedMs: [] as number[], workedMs: [] as number[] }
  const observer: QueueObserver = {
    added: () => counts.added++,
    retried: () => counts.retried++,
    taken: (ms) => counts.waitedMs.push(ms),
    finished: (ms) => counts.workedMs.push(ms),
  }
  const work = (key: string) =>
    new Promise<Outcome>((resolve) => {
      const end = (outcome: Outcome = { kind: 'done' }) => {
        resolve(outcome)
        return settled()
      }
      begun.push({ key, end })
    })
  // The upper end of the jitter: back-offs of exactly 1, 2, 4 … seconds.
  const queue = new KeyQueue({
    clock,
    concurrency,
    work,
    observer,
    retry: { initialMs: 1_000, maxMs: 8_000 },
    random: () => 1,
  })
  if (start) queue.start()
  const keys = () => begun.map(({ key }) => key)
  const at = (index: number): Work => {
    const found = begun[index]
    if (!found) throw new Error(`work ${index} has not begun; begun: ${keys().join(', ')}`)
    return found
  }
  return { clock, queue, counts, keys, at }
}

describe('KeyQueue', () => {
  it('takes a change before what failed, and that before a routine look', async () => {
    const { queue, keys, at, clock } = setUp()
    queue.add('failing', 'change')
    await at(0).end({ kind: 'retry' })
    queue.add('busy', 'change')
    queue.add('routine', 'resync')
    await clock.advance(1_000)
    queue.add('edited', 'change')
    for (let i = 1; i < 4; i++) await at(i).end()
    await at(4).end()
    expect(keys()).toEqual(['failing', 'busy', 'edited', 'failing', 'routine'])
  })

  it('leaves half of the workers to the others when many keys hang', async () => {
    const { queue, keys, at, clock } = setUp({ concurrency: 4 })
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key, 'change')
    for (let i = 0; i < 4; i++) await at(i).end({ kind: 'retry' })
    await clock.advance(1_000)
    expect(keys().slice(4)).toEqual(['a', 'b'])
    queue.add('routine', 'resync')
    expect(keys().slice(6)).toEqual(['routine'])
    await at(4).end()
    expect(keys().slice(7)).toEqual(['c'])
  })

  it('says for how long it stands still: keys are due and nothing happens to any', async () => {
    const { queue, at, clock } = setUp()
    queue.add('a', 'change')
    await clock.advance(5_000)
    expect(queue.standstillMs).toBe(0)
    queue.add('b', 'change')
    await clock.advance(3_000)
    expect(queue.standstillMs).toBe(3_000)
    expect([queue.active, queue.unfinishedWorkMs]).toEqual([1, 8_000])
    await at(0).end()
    expect(queue.standstillMs).toBe(0)
  })

  it('works on a key once, however often it was added before', async () => {
    const { queue, keys, at, counts } = setUp({ start: false })
    for (let i = 0; i < 3; i++) queue.add('a', 'change')
    queue.start()
    await at(0).end()
    expect(keys()).toEqual(['a'])
    expect(counts.added).toBe(1)
  })

  it('has nothing wait before it works: another process may lead', async () => {
    const { queue, clock, counts } = setUp({ start: false })
    queue.add('a', 'change')
    await clock.advance(3_600_000)
    expect(queue.depth).toBe(0)
    queue.start()
    expect(counts.waitedMs).toEqual([0])
  })

  it('never works on a key twice at the same time, and again after when it was added meanwhile', async () => {
    const { queue, keys, at } = setUp({ concurrency: 4 })
    queue.add('a', 'change')
    queue.add('a', 'change')
    queue.add('a', 'resync')
    expect(keys()).toEqual(['a'])
    await at(0).end()
    expect(keys()).toEqual(['a', 'a'])
    await at(1).end()
    expect(keys()).toHaveLength(2)
  })

  it('works on no more keys at once than it may', async () => {
    const { queue, keys, at } = setUp({ concurrency: 2 })
    for (const key of ['a', 'b', 'c']) queue.add(key, 'change')
    expect(keys()).toEqual(['a', 'b'])
    await at(1).end()
    expect(keys()).toEqual(['a', 'b', 'c'])
  })

  it('takes changes before routine looks, and each in order of arrival', async () => {
    const { queue, keys, at } = setUp({ start: false })
    queue.add('old', 'resync')
    queue.add('promoted', 'resync')
    queue.add('first', 'change')
    queue.add('promoted', 'change')
    queue.start()
    for (let i = 0; i < 3; i++) await at(i).end()
    expect(keys()).toEqual(['first', 'promoted', 'old'])
  })

  it('keeps the earliest of several delays', async () => {
    const { queue, keys, clock } = setUp()
    queue.addAfter('a', 5_000)
    queue.addAfter('a', 2_000)
    queue.addAfter('a', 9_000)
    await clock.advance(1_999)
    expect(keys()).toEqual([])
    await clock.advance(1)
    expect(keys()).toEqual(['a'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('waits longer after each failure of the same key, up to a limit, and not at all for another key', async () => {
    const { queue, keys, at, clock, counts } = setUp()
    queue.add('a', 'change')
    let failures = 0
    for (const seconds of [1, 2, 4, 8, 8]) {
      await at(failures++).end({ kind: 'retry' })
      await clock.advance(seconds * 1_000 - 1)
      expect(keys()).toHaveLength(failures)
      await clock.advance(1)
      expect(keys()).toHaveLength(failures + 1)
    }
    expect(counts.retried).toBe(5)
    await at(failures).end({ kind: 'retry' })
    queue.add('b', 'change')
    expect(keys().at(-1)).toBe('b')
  })

  it('waits no longer because changes came meanwhile and failed too', async () => {
    const { queue, keys, at, clock } = setUp()
    for (let i = 0; i < 5; i++) {
      queue.add('a', 'change')
      await at(i).end({ kind: 'retry' })
    }
    await clock.advance(1_000)
    expect(keys()).toHaveLength(6)
    await at(5).end({ kind: 'retry' })
    queue.add('a', 'change')
    await at(6).end({ kind: 'retry' })
    await clock.advance(1_999)
    expect(keys()).toHaveLength(7)
    await clock.advance(1)
    expect(keys()).toHaveLength(8)
  })

  it('begins again with the shortest back-off after a success', async () => {
    const { queue, keys, at, clock } = setUp()
    queue.add('a', 'change')
    await at(0).end({ kind: 'retry' })
    await clock.advance(1_000)
    await at(1).end({ kind: 'retry' })
    await clock.advance(2_000)
    await at(2).end()
    queue.add('a', 'change')
    await at(3).end({ kind: 'retry' })
    await clock.advance(1_000)
    expect(keys()).toHaveLength(5)
  })

  it.each([
    ['resync', 'change'],
    ['change', 'resync'],
  ] as const)('takes what was added as %s and as %s for a change, waiting or worked on', async (first, second) => {
    const { queue, keys, at, counts, clock } = setUp()
    queue.add('a', 'change')
    queue.add('routine', 'resync')
    await clock.advance(100)
    for (const key of ['a', 'b']) {
      queue.add(key, first)
      queue.add(key, second)
    }
    await clock.advance(100)
    for (let i = 0; i < 3; i++) await at(i).end()
    expect(keys()).toEqual(['a', 'b', 'a', 'routine'])
    expect(counts.added).toBe(4)
    // Since it was added first, whatever as.
    expect(counts.waitedMs[1]).toBe(100)
  })

  it('waits as long as the server asks, when that is longer than the back-off', async () => {
    const { queue, keys, at, clock } = setUp()
    queue.add('a', 'change')
    await at(0).end({ kind: 'retry', delayMs: 3_000 })
    await clock.advance(2_999)
    expect(keys()).toHaveLength(1)
    await clock.advance(1)
    expect(keys()).toHaveLength(2)
  })

  it('does not let a change wait for a back-off', async () => {
    const { queue, keys, at, clock } = setUp()
    queue.add('a', 'change')
    await at(0).end({ kind: 'retry', delayMs: 60_000 })
    queue.add('a', 'change')
    expect(keys()).toEqual(['a', 'a'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('waits for the work in progress when it is stopped, and takes no more', async () => {
    const { queue, keys, at, clock } = setUp()
    queue.add('a', 'change')
    queue.add('b', 'change')
    queue.addAfter('c', 10)
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    await clock.advance(1_000)
    expect(stopped).toBe(false)
    await at(0).end({ kind: 'after', delayMs: 1 })
    await stopping
    expect(clock.pendingTimers).toBe(0)
    expect(keys()).toEqual(['a'])
  })

  it('waits for all of the work when it is stopped, and leaves no timer that would keep the process', async () => {
    const { queue, at, clock } = setUp({ concurrency: 2 })
    for (const key of ['a', 'b']) queue.add(key, 'change')
    queue.addAfter('c', 60_000)
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    await at(0).end({ kind: 'retry' })
    expect([stopped, clock.pendingTimers]).toEqual([false, 0])
    await at(1).end()
    await stopping
  })

  it('tells how long keys wait and work takes', async () => {
    const { queue, at, clock, counts } = setUp()
    queue.add('a', 'change')
    queue.add('b', 'change')
    await clock.advance(300)
    expect(queue.longestWorkMs).toBe(300)
    await at(0).end()
    expect(counts.waitedMs).toEqual([0, 300])
    expect(counts.workedMs).toEqual([300])
  })

  it('lets others have their turn between passes that wait for nothing', async () => {
    let busyMs = 0
    const order: string[] = []
    const clock = new FakeClock()
    clock.elapsed = () => busyMs
    const work = async (key: string): Promise<Outcome> => {
      busyMs += 10
      order.push(key)
      setImmediate(() => order.push('others'))
      return { kind: 'done' }
    }
    const observer = { added: () => {}, taken: () => {}, finished: () => {}, retried: () => {} }
    const queue = new KeyQueue({ clock, concurrency: 1, work, observer })
    for (const key of ['a', 'b', 'c']) queue.add(key, 'resync')
    queue.start()
    await vi.waitFor(() => expect(order).toEqual(['a', 'others', 'b', 'others', 'c', 'others']))
  })
})
