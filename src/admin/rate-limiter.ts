import type { Clock } from '../lib/clock.ts'
import { putLast } from '../lib/put-last.ts'

export interface RateLimit {
  /** Calls that are allowed for good. */
  readonly perSecond: number
  /** Calls that may come at once after a rest. */
  readonly burst: number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** Clients that are remembered; beyond, the one that was seen first is forgotten, which only does it good. */
const MAX_CLIENTS = 10_000

/** A token bucket for each client, in this process: with several replicas each allows as much. */
export class RateLimiter {
  readonly #limit: RateLimit
  readonly #clock: Pick<Clock, 'elapsed'>
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: RateLimit, clock: Pick<Clock, 'elapsed'>) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Milliseconds until the client may call again; 0: now. */
  waitMs(client: string): number {
    const { tokens } = this.#bucketOf(client)
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / this.#limit.perSecond) * 1000)
  }

  /** Counts one call, if it is allowed. @returns as `waitMs` before it */
  take(client: string): number {
    const waitMs = this.waitMs(client)
    if (waitMs === 0) this.#bucketOf(client).tokens -= 1
    return waitMs
  }

  #bucketOf(client: string): Bucket {
    const { perSecond, burst } = this.#limit
    const nowMs = this.#clock.elapsed()
    const known = this.#buckets.get(client)
    if (known) {
      known.tokens = Math.min(burst, known.tokens + ((nowMs - known.atMs) / 1000) * perSecond)
      known.atMs = nowMs
      return known
    }
    const bucket = { tokens: burst, atMs: nowMs }
    putLast(this.#buckets, client, bucket, MAX_CLIENTS)
    return bucket
  }
}
