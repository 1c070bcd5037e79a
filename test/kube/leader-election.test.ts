import { describe, expect, it } from 'vitest'
import { KubeApiError } from '../../src/kube/errors.ts'
import type { KubeObject, Lease } from '../../src/kube/kinds.ts'
import { LeaderElection, type LeaderElectionOptions } from '../../src/kube/leader-election.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** One lease with compare-and-set, as the API server has it. */
class LeaseServer {
  lease: Lease | undefined
  failure: Error | 'hang' | undefined
  #version = 0

  async #answer(): Promise<void> {
    if (this.failure === 'hang') return new Promise(() => {})
    if (this.failure) throw this.failure
  }

  #store(lease: KubeObject): Lease {
    const metadata = { ...lease.metadata, resourceVersion: String(++this.#version) }
    this.lease = structuredClone({ ...lease, metadata }) as Lease
    return structuredClone(this.lease)
  }

  readonly api: LeaderElectionOptions['api'] = {
    get: async () => {
      await this.#answer()
      return structuredClone(this.lease) as never
    },
    create: async (_kind, lease) => {
      await this.#answer()
      if (this.lease) throw new KubeApiError(409, 'AlreadyExists', 'exists')
      return this.#store(lease) as never
    },
    replace: async (_kind, lease) => {
      await this.#answer()
      if (lease.metadata?.resourceVersion !== this.lease?.metadata?.resourceVersion) {
        throw new KubeApiError(409, 'Conflict', 'the object has been modified')
      }
      return this.#store(lease) as never
    },
  }
}

function candidate(server: LeaseServer, clock: FakeClock, identity: string) {
  const election = new LeaderElection({
    api: server.api,
    namespace: 'n',
    name: 'lease',
    identity,
    clock,
    logger: createLogger('silent'),
    random: () => 0,
  })
  const stop = new AbortController()
  const log: string[] = []
  const ended = election
    .run(stop.signal, async (signal) => {
      log.push('leads')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      log.push('ends')
    })
    .then((outcome) => {
      log.push(outcome)
    })
  return { election, stop, log, ended }
}

describe('LeaderElection', () => {
  it('takes a lease that nobody has, writing times with six fractional digits', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const a = candidate(server, clock, 'a')
    await clock.advance(0)
    expect(a.log).toEqual(['leads'])
    expect(a.election.isLeader).toBe(true)
    expect(server.lease?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-03-01T12:00:00.000000Z',
      renewTime: '2026-03-01T12:00:00.000000Z',
      leaseTransitions: 0,
    })
    await clock.advance(4_000)
    expect(server.lease?.spec).toMatchObject({
      acquireTime: '2026-03-01T12:00:00.000000Z',
      renewTime: '2026-03-01T12:00:04.000000Z',
      leaseTransitions: 0,
    })
  })

  it('gives the lease back and tells the failure when what it leads fails', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const options = { api: server.api, namespace: 'n', name: 'lease', identity: 'a', clock, random: () => 0 }
    const election = new LeaderElection({ ...options, logger: createLogger('silent') })
    const work = Promise.withResolvers<void>()
    const ended = election.run(new AbortController().signal, () => work.promise)
    await clock.advance(4_000)
    work.reject(new Error('cannot work'))
    await expect(ended).rejects.toThrow('cannot work')
    expect(election.isLeader).toBe(false)
    expect(server.lease?.spec?.holderIdentity).toBe('')
  })

  it('counts those ten seconds from when the last renewal was asked for, however late that was answered', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const { replace } = server.api
    server.api.replace = async (kind, lease) => {
      await new Promise<void>((resolve) => clock.after(5_000, resolve))
      const answer = await replace(kind, lease)
      server.failure = 'hang'
      return answer
    }
    const a = candidate(server, clock, 'a')
    await clock.advance(11_900)
    expect(a.log).toEqual(['leads'])
    await clock.advance(200)
    expect(a.log).toEqual(['leads', 'ends', 'lost'])
  })

  it('lets one of two lead, and the other after the lease of one that died has run out', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const a = candidate(server, clock, 'a')
    const b = candidate(server, clock, 'b')
    await clock.advance(60_000)
    expect([a.log, b.log]).toEqual([['leads'], []])
    // A process that died renews no more: its answers go nowhere from here on.
    const renewedByA = server.lease?.spec?.renewTime
    server.api.replace = ((replace) => async (kind, lease) => {
      if ((lease as Lease).spec?.holderIdentity === 'a') return new Promise<never>(() => {})
      return replace(kind, lease)
    })(server.api.replace)
    await clock.advance(14_000)
    expect(b.log).toEqual([])
    await clock.advance(5_000)
    expect(b.log).toEqual(['leads'])
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    expect(server.lease?.spec?.renewTime).not.toBe(renewedByA)
  })

  it('gives the lease back at the end, so that the next one leads within seconds', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const a = candidate(server, clock, 'a')
    const b = candidate(server, clock, 'b')
    await clock.advance(10_000)
    a.stop.abort()
    await a.ended
    expect(a.log).toEqual(['leads', 'ends', 'stopped'])
    expect(server.lease?.spec?.holderIdentity).toBe('')
    await clock.advance(2_500)
    expect(b.log).toEqual(['leads'])
  })

  it.each([new KubeApiError(503, 'Unavailable', 'down'), 'hang'] as const)(
    'stops leading ten seconds after the last renewal, before the lease runs out for others (%s)',
    async (failure) => {
      const [server, clock] = [new LeaseServer(), new FakeClock()]
      const a = candidate(server, clock, 'a')
      await clock.advance(4_000)
      server.failure = failure
      await clock.advance(9_000)
      expect(a.log).toEqual(['leads'])
      await clock.advance(3_000)
      expect(a.log).toEqual(['leads', 'ends', 'lost'])
      expect(a.election.isLeader).toBe(false)
    },
  )

  it('goes on leading through a short failure', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const a = candidate(server, clock, 'a')
    await clock.advance(4_000)
    server.failure = new KubeApiError(500, 'InternalError', 'oops')
    await clock.advance(6_000)
    server.failure = undefined
    await clock.advance(60_000)
    expect(a.log).toEqual(['leads'])
  })

  it('stops at once when another one has the lease', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    const a = candidate(server, clock, 'a')
    await clock.advance(0)
    const spec = { ...server.lease?.spec, holderIdentity: 'thief' }
    server.lease = { ...server.lease, metadata: { ...server.lease?.metadata, resourceVersion: 'x' }, spec }
    await clock.advance(2_000)
    expect(a.log).toEqual(['leads', 'ends', 'lost'])
    expect(server.lease?.spec?.holderIdentity).toBe('thief')
  })

  it('stops waiting when it is told to', async () => {
    const [server, clock] = [new LeaseServer(), new FakeClock()]
    candidate(server, clock, 'a')
    const b = candidate(server, clock, 'b')
    await clock.advance(0)
    b.stop.abort()
    await b.ended
    expect(b.log).toEqual(['stopped'])
    expect(server.lease?.spec?.holderIdentity).toBe('a')
  })
})
