import { describe, expect, it } from 'vitest'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import { PodPoller } from '../../src/operator/pod-poller.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { aSinkStatus } from '../support/sink-status.ts'

function status(state: SinkStatus['state'], overrides: Partial<SinkStatus> = {}): SinkStatus {
  return aSinkStatus({ state, ...overrides })
}

/** `answer` decides what each question gets; never settling stands for a dead pod. */
function setUp(answer: (url: string) => Promise<unknown>, concurrency = 8) {
  const clock = new FakeClock()
  const beginMs = clock.elapsed()
  const asked: string[] = []
  const askedMs: number[] = []
  const changes: string[] = []
  const priorities: string[] = []
  const getJson = (url: string, signal: AbortSignal) => {
    asked.push(url)
    askedMs.push(clock.elapsed() - beginMs)
    return new Promise<unknown>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      answer(url).then(resolve, reject)
    })
  }
  const poller = new PodPoller({
    getJson,
    clock,
    changingMs: 1_000,
    steadyMs: 10_000,
    concurrency,
    onChange: (key, priority) => {
      changes.push(key)
      priorities.push(priority)
    },
    random: () => 0.5,
  })
  return { clock, asked, askedMs, changes, priorities, poller }
}

const never = () => new Promise<never>(() => {})

describe('PodPoller', () => {
  it('asks a new pod at once, and says so first as pending', async () => {
    const { poller, asked, changes } = setUp(async () => status('ACTIVE'))
    poller.watch('uid', 'games/events', '10.0.0.1')
    expect(poller.reportOf('uid')).toEqual({ kind: 'pending' })
    await settled()
    expect(asked).toEqual(['http://10.0.0.1:8080/status'])
    expect(poller.reportOf('uid')).toMatchObject({ kind: 'status', status: { state: 'ACTIVE' } })
    expect(changes).toEqual(['games/events'])
  })

  it('writes an IPv6 address as a URL wants it', async () => {
    const { poller, asked } = setUp(async () => status('ACTIVE'))
    poller.watch('uid', 'games/events', 'fd00::1')
    await settled()
    expect(asked).toEqual(['http://[fd00::1]:8080/status'])
  })

  it('believes no sink of another connector, which may have the address of a pod that is gone', async () => {
    const lost = { offsets: 7, ranges: [] }
    const { clock, poller } = setUp(async () => status('FAILED', { connector: 'others/events', error: 'theirs', lost }))
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(3_000)
    expect(poller.reportOf('uid')).toMatchObject({
      kind: 'unreachable',
      error: expect.stringContaining('others/events'),
    })
  })

  it('asks pods that deliver at round times, those that are due by then at once', async () => {
    const { clock, poller, asked } = setUp(async () => status('ACTIVE'))
    const beginMs = clock.elapsed()
    const goOnTo = (ms: number) => clock.advance(beginMs + ms - clock.elapsed())
    for (const [i, startMs] of [3, 40, 120].entries()) {
      await goOnTo(startMs)
      poller.watch(`uid${i}`, 'games/events', `10.0.0.${i}`)
    }
    await goOnTo(10_249)
    expect(asked).toHaveLength(3)
    await goOnTo(10_250)
    expect(asked).toHaveLength(6)
  })

  it('asks often while a pod changes and seldom once it delivers', async () => {
    let state: SinkStatus['state'] = 'STARTING'
    const { poller, asked, clock } = setUp(async () => status(state))
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(2_000)
    expect(asked).toHaveLength(3)
    state = 'ACTIVE'
    await clock.advance(1_000)
    expect(asked).toHaveLength(4)
    await clock.advance(9_999)
    expect(asked).toHaveLength(4)
    await clock.advance(1)
    expect(asked).toHaveLength(5)
  })

  it('tells of a change of state, error or revision, and not of counters', async () => {
    let answer = status('ACTIVE')
    const { poller, changes, clock } = setUp(async () => answer)
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(0)
    answer = status('ACTIVE', { lag: 7, objects: 3 })
    await clock.advance(10_000)
    expect(changes).toHaveLength(1)
    answer = status('FAILED', { error: 'one' })
    await clock.advance(10_000)
    answer = status('FAILED', { error: 'two' })
    await clock.advance(1_000)
    expect(changes).toHaveLength(3)
  })

  it('tells of another revision, of topics that were found and of records that are lost', async () => {
    let answer = status('ACTIVE')
    const { poller, changes, clock } = setUp(async () => answer)
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(0)
    for (const news of [{ revision: 'ccc' }, { topicPartitions: 3 }, { lost: { offsets: 7, ranges: [] } }]) {
      const before = changes.length
      answer = { ...answer, ...news }
      await clock.advance(11_000)
      expect(changes).toHaveLength(before + 1)
    }
  })

  it('keeps the last word of a pod through two lost answers and gives it up at the third', async () => {
    let isUp = true
    const { poller, clock } = setUp(() =>
      isUp ? Promise.resolve(status('ACTIVE')) : Promise.reject(new Error('ECONNRESET')),
    )
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(0)
    isUp = false
    await clock.advance(11_000)
    expect(poller.reportOf('uid')?.kind).toBe('status')
    await clock.advance(1_000)
    expect(poller.reportOf('uid')).toEqual({
      kind: 'unreachable',
      error: 'http://10.0.0.1:8080/status: ECONNRESET',
    })
  })

  it('says pending of a pod whose first two answers are lost: an operator that has just begun knows no better than the status', async () => {
    let isUp = false
    const { poller, clock, changes } = setUp(() =>
      isUp ? Promise.resolve(status('ACTIVE')) : Promise.reject(new Error('ECONNRESET')),
    )
    poller.watch('uid', 'games/events', '10.0.0.1', 'resync')
    await clock.advance(1_000)
    expect([poller.reportOf('uid')?.kind, changes]).toEqual(['pending', []])
    isUp = true
    await clock.advance(1_000)
    expect(poller.reportOf('uid')?.kind).toBe('status')
  })

  it('asks a pod that stays silent ever more seldom, at the end as seldom as one that delivers', async () => {
    const { poller, clock, askedMs } = setUp(() => Promise.reject(new Error('EHOSTUNREACH')))
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(46_000)
    expect(askedMs).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 26_000, 36_000, 46_000])
  })

  it('counts the time in which an answer was waited for as asking, not as a pause', async () => {
    const { poller, clock, askedMs } = setUp(never)
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(12_000)
    expect(askedMs).toEqual([0, 3_000, 6_000, 10_000])
  })

  it('asks a silent pod at once when something happens to it, then quickly again, and does not take it for less silent', async () => {
    let isUp = false
    const { poller, clock, askedMs, changes } = setUp(() =>
      isUp ? Promise.resolve(status('ACTIVE')) : Promise.reject(new Error('EHOSTUNREACH')),
    )
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(30_000)
    poller.watch('uid', 'games/events', '10.0.0.1', 'resync')
    await clock.advance(1_500)
    expect(askedMs.slice(-3)).toEqual([26_000, 30_000, 31_000])
    expect(poller.reportOf('uid')?.kind).toBe('unreachable')
    isUp = true
    await clock.advance(500)
    expect(poller.reportOf('uid')?.kind).toBe('status')
    expect(changes).toHaveLength(2)
  })

  it('gives a pod up at the third lost answer also when something happens to it meanwhile', async () => {
    let isUp = true
    const { poller, clock } = setUp(() =>
      isUp ? Promise.resolve(status('ACTIVE')) : Promise.reject(new Error('ECONNRESET')),
    )
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(0)
    isUp = false
    for (let i = 0; i < 3; i++) {
      expect(poller.reportOf('uid')?.kind).toBe('status')
      poller.watch('uid', 'games/events', '10.0.0.1')
      await clock.advance(100)
    }
    expect(poller.reportOf('uid')?.kind).toBe('unreachable')
  })

  it('is quick again with a pod that has answered once', async () => {
    let isUp = false
    const { poller, clock, askedMs } = setUp(() =>
      isUp ? Promise.resolve(status('STARTING')) : Promise.reject(new Error('ECONNRESET')),
    )
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(15_000)
    isUp = true
    await clock.advance(1_000)
    isUp = false
    await clock.advance(4_000)
    expect(askedMs.slice(-5)).toEqual([8_000, 16_000, 17_000, 18_000, 19_000])
  })

  it('counts an answer that is no status as none', async () => {
    const { poller, clock } = setUp(async () => ({ hello: 'world' }))
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(2_000)
    expect(poller.reportOf('uid')?.kind).toBe('unreachable')
  })

  it('lets dead pods delay the others no longer than the time limit, and asks a bounded number at once', async () => {
    const { poller, clock, asked } = setUp(
      (url) => (url.includes('10.0.0.9') ? Promise.resolve(status('ACTIVE', { connector: 'games/alive' })) : never()),
      2,
    )
    for (let i = 1; i <= 4; i++) poller.watch(`dead-${i}`, 'games/dead', `10.0.0.${i}`)
    poller.watch('alive', 'games/alive', '10.0.0.9')
    await settled()
    expect(asked).toHaveLength(2)
    await clock.advance(2_000)
    expect(asked).toHaveLength(4)
    await clock.advance(2_000)
    expect(poller.reportOf('alive')?.kind).toBe('status')
  })

  it('asks again now when something happened to the pod, but not twice at the same time', async () => {
    const { poller, clock, asked } = setUp(async () => status('ACTIVE'))
    poller.watch('uid', 'games/events', '10.0.0.1')
    poller.watch('uid', 'games/events', '10.0.0.1')
    expect(asked).toHaveLength(1)
    await clock.advance(0)
    expect(asked).toHaveLength(2)
    await clock.advance(3_000)
    poller.watch('uid', 'games/events', '10.0.0.1')
    await settled()
    expect(asked).toHaveLength(3)
    await clock.advance(9_000)
    expect(asked).toHaveLength(3)
  })

  it('asks a pod to which something happened before those that were found by listing', async () => {
    const answer = async (url: string) =>
      status('ACTIVE', { connector: url.includes('.9:') ? 'games/new' : 'games/listed' })
    const { poller, clock, asked, priorities } = setUp(answer, 1)
    for (let i = 1; i <= 3; i++) poller.watch(`listed-${i}`, 'games/listed', `10.0.0.${i}`, 'resync')
    poller.watch('new', 'games/new', '10.0.0.9')
    poller.watch('listed-3', 'games/listed', '10.0.0.3')
    await clock.advance(0)
    expect(asked.map((url) => /0\.(\d):/.exec(url)?.[1])).toEqual(['1', '9', '3', '2'])
    expect(priorities).toEqual(['resync', 'change', 'change', 'resync'])
  })

  it('calls only the first answer of a pod that was found by listing no news', async () => {
    let answer = status('ACTIVE')
    const { poller, clock, priorities } = setUp(async () => answer)
    poller.watch('listed', 'games/events', '10.0.0.1', 'resync')
    poller.watch('new', 'games/events', '10.0.0.2')
    await clock.advance(0)
    expect(priorities).toEqual(['resync', 'change'])
    answer = status('FAILED', { error: 'one' })
    await clock.advance(10_000)
    expect(priorities.slice(2)).toEqual(['change', 'change'])
  })

  it('forgets a pod, also one whose answer is still to come', async () => {
    const { poller, clock, changes, asked } = setUp(async () => status('ACTIVE'))
    poller.watch('uid', 'games/events', '10.0.0.1')
    poller.forget('uid')
    await clock.advance(60_000)
    expect(poller.reportOf('uid')).toBeUndefined()
    expect(changes).toEqual([])
    expect(asked).toHaveLength(1)
    poller.watch('uid', 'games/events', '10.0.0.1')
    await clock.advance(0)
    poller.stop()
    expect(clock.pendingTimers).toBe(0)
  })
})
