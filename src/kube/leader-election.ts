import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { KubeApi } from './api.ts'
import { isConflict } from './errors.ts'
import { LEASES, type Lease } from './kinds.ts'
import { microTime } from './micro-time.ts'

export interface LeaseTimes {
  /** Others may take the lease this long after they last saw it change. */
  readonly leaseMs: number
  /** A leader that could not renew for so long stops; less than `leaseMs`, so that it stops before another begins. */
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

/** The times of client-go and controller-runtime. */
const DEFAULT_LEASE_TIMES: LeaseTimes = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 }

export interface LeaderElectionOptions {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>
  readonly namespace: string
  readonly name: string
  /** Unique to this process. */
  readonly identity: string
  readonly clock: Clock
  readonly logger: Logger
  readonly times?: LeaseTimes
  readonly random?: () => number
}

/**
 * Leader election by a Lease, compatible with client-go's: a lease is free when nobody holds it, or when it did not change
 * for its duration as seen by this process's own clock (clocks of two machines are never compared).
 * It is no fence: for a moment there may be two leaders, so everything a leader does must be harmless twice.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #times: LeaseTimes
  /** The lease as last seen, and when it was first seen so. */
  #seen: { lease: Lease; at: number } | undefined
  #leading = false

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#times = options.times ?? DEFAULT_LEASE_TIMES
  }

  get isLeader(): boolean {
    return this.#leading
  }

  /**
   * Waits for the lease, then runs `lead` and renews. `lead` gets a signal that aborts when `signal` does or when the lease
   * is lost. The lease is given back after `lead` ended.
   *
   * @returns 'stopped' when `signal` aborted (before or after leading), 'lost' when the lease could not be kept
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<'stopped' | 'lost'> {
    if (!(await this.#acquire(signal))) return 'stopped'
    const leading = new AbortController()
    const stop = AbortSignal.any([signal, leading.signal])
    this.#leading = true
    const work = lead(stop)
    // A failure of the work must not go unseen while the lease is renewed; it is thrown by the await below.
    work.catch(() => leading.abort())
    const outcome = await this.#keep(stop)
    leading.abort()
    try {
      await work
    } finally {
      this.#leading = false
      if (outcome === 'stopped') await this.#release()
    }
    return outcome
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#tryToHold()) return true
      const jitter = 1 + 0.2 * (this.#options.random ?? Math.random)()
      await sleep(this.#options.clock, this.#times.retryMs * jitter, signal)
    }
    return false
  }

  async #keep(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { clock, logger, name } = this.#options
    let renewedAt = clock.elapsed()
    for (;;) {
      await sleep(clock, this.#times.retryMs, signal)
      if (signal.aborted) return 'stopped'
      const askedAt = clock.elapsed()
      if (await this.#inTime(this.#tryToHold(), renewedAt + this.#times.renewDeadlineMs - askedAt)) renewedAt = askedAt
      else if (this.#isHeldByOther() || clock.elapsed() - renewedAt >= this.#times.renewDeadlineMs) {
        logger.error({ lease: name, holder: this.#seen?.lease.spec?.holderIdentity }, 'the leader lease is lost')
        return 'lost'
      }
    }
  }

  /** `attempt`, or false when it takes longer than `limitMs`: an API server that hangs must not keep a leader leading. */
  #inTime(attempt: Promise<boolean>, limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(Math.max(0, limitMs), () => resolve(false))
      attempt.then((held) => {
        cancel()
        resolve(held)
      })
    })
  }

  /** One attempt to take or renew the lease; errors are logged, never thrown. */
  async #tryToHold(): Promise<boolean> {
    const { api, namespace, name, identity, logger } = this.#options
    try {
      const current = await api.get(LEASES, { namespace, name })
      if (current) this.#notice(current)
      if (current && !this.#isFree(current)) return false
      const next = this.#leaseOf(current)
      this.#notice(current ? await api.replace(LEASES, next) : await api.create(LEASES, next))
      if (current?.spec?.holderIdentity !== identity) logger.info({ lease: name, identity }, 'became the leader')
      return true
    } catch (error) {
      if (!isConflict(error))
        logger.warn({ lease: name, error: describeError(error) }, 'cannot take or renew the lease')
      return false
    }
  }

  #notice(lease: Lease): void {
    if (this.#seen?.lease.metadata?.resourceVersion === lease.metadata?.resourceVersion) return
    this.#seen = { lease, at: this.#options.clock.elapsed() }
  }

  #isFree({ spec }: Lease): boolean {
    if (!spec?.holderIdentity || spec.holderIdentity === this.#options.identity) return true
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000
    return this.#options.clock.elapsed() - (this.#seen?.at ?? 0) >= durationMs
  }

  #isHeldByOther(): boolean {
    const holder = this.#seen?.lease.spec?.holderIdentity
    return Boolean(holder) && holder !== this.#options.identity
  }

  #leaseOf(current: Lease | undefined): Lease {
    const { namespace, name, identity, clock } = this.#options
    const now = microTime(clock.now())
    const own = current?.spec?.holderIdentity === identity
    return {
      metadata: { ...current?.metadata, namespace, name },
      spec: {
        ...current?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1000),
        renewTime: now,
        acquireTime: own ? (current?.spec?.acquireTime ?? now) : now,
        leaseTransitions: (current?.spec?.leaseTransitions ?? 0) + (current && !own ? 1 : 0),
      },
    }
  }

  /** Gives the lease back, so that the next leader need not wait for it to run out. Best effort. */
  async #release(): Promise<void> {
    const { api, identity, clock, logger, name } = this.#options
    const lease = this.#seen?.lease
    if (lease?.spec?.holderIdentity !== identity) return
    const now = microTime(clock.now())
    try {
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
      await api.replace(LEASES, { ...lease, spec })
      logger.info({ lease: name }, 'gave the leader lease back')
    } catch (error) {
      logger.warn({ lease: name, error: describeError(error) }, 'cannot give the lease back, it runs out by itself')
    }
  }
}
