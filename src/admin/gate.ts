import type { Clock } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import type { Action, Authenticator, Caller } from './auth/authenticator.ts'
import { type RateLimit, RateLimiter } from './rate-limiter.ts'

export interface GateOptions {
  readonly authenticator: Authenticator
  /** Of a caller, whichever address it calls from. */
  readonly perClient: RateLimit
  /** Of refused tokens from one address. */
  readonly refusals: RateLimit
  readonly clock: Pick<Clock, 'elapsed'>
}

/** Who may pass: a valid token, a permission, and not too often. */
export class Gate {
  readonly #authenticator: Authenticator
  readonly #calls: RateLimiter
  readonly #refusals: RateLimiter

  constructor({ authenticator, perClient, refusals, clock }: GateOptions) {
    this.#authenticator = authenticator
    this.#calls = new RateLimiter(perClient, clock)
    this.#refusals = new RateLimiter(refusals, clock)
  }

  /**
   * Counted by address while nobody knows who calls, and only when the token is refused: many clients may share an address.
   *
   * @throws ApiError 401, 429, 503
   */
  async authenticate(authorization: string | undefined, address: string): Promise<Caller> {
    checkWait(this.#refusals.waitMs(address))
    const caller = await this.#authenticator.authenticate(authorization).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) this.#refusals.take(address)
      throw error
    })
    checkWait(this.#calls.take(caller.subject))
    return caller
  }

  /** @throws ApiError 403 that names the permission that is missing */
  async authorize(caller: Caller, resource: string, action: Action): Promise<void> {
    if (await caller.allows(resource, action)) return
    throw new ApiError('forbidden', `the token lacks the permission ${resource} [${action}]`)
  }
}

function checkWait(waitMs: number): void {
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / 1000)
  throw new ApiError('tooManyRequests', `too many requests: try again in ${seconds} s`, {
    headers: { 'retry-after': String(seconds) },
  })
}
