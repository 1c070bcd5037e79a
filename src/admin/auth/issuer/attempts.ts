import type { Clock } from '../../../lib/clock.ts'
import { putLast } from '../../../lib/put-last.ts'

/** Failures in a row that cost nothing, and how the wait grows then: 1 s, 2 s, 4 s … up to the limit. */
interface Patience {
  readonly free: number
  readonly maxWaitMs: number
}
/** One client from one address: somebody who tries secrets. */
const CLIENT_AT_ADDRESS: Patience = { free: 10, maxWaitMs: 15 * 60_000 }
/** One address: somebody who tries clients. It may be a proxy with many behind it, so it never waits for long. */
const ADDRESS: Patience = { free: 50, maxWaitMs: 30_000 }
const FORGOTTEN_AFTER_MS = 60 * 60_000
const MAX_REMEMBERED = 10_000

interface Record {
  failures: number
  waitUntilMs: number
  atMs: number
}

/**
 * Slows down whoever tries client secrets, by address and by client at an address. Never by client alone: then anybody could
 * lock a client out from afar. An attempt counts as a failure until it succeeded, so that many at once are counted too.
 */
export class Attempts {
  readonly #clock: Pick<Clock, 'elapsed'>
  readonly #records = new Map<string, Record>()

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock
  }

  /** @returns how long to wait before the next attempt; 0: this one may be made, and counts */
  begin(clientId: string, address: string): number {
    const waitMs = Math.max(this.#waitMs(keyOf(clientId, address)), this.#waitMs(address))
    if (waitMs > 0) return waitMs
    this.#count(keyOf(clientId, address), CLIENT_AT_ADDRESS)
    this.#count(address, ADDRESS)
    return 0
  }

  succeeded(clientId: string, address: string): void {
    this.#records.delete(keyOf(clientId, address))
    // Of the address only this one attempt is forgiven: a client of one's own must not buy attempts at others.
    this.#forgive(address, ADDRESS)
  }

  /** Nobody could tell whether the secret was right. */
  undecided(clientId: string, address: string): void {
    this.#forgive(keyOf(clientId, address), CLIENT_AT_ADDRESS)
    this.#forgive(address, ADDRESS)
  }

  #forgive(key: string, { free }: Patience): void {
    const record = this.#records.get(key)
    if (record !== undefined && --record.failures <= free) record.waitUntilMs = 0
  }

  #waitMs(key: string): number {
    const record = this.#records.get(key)
    return record === undefined ? 0 : Math.max(0, record.waitUntilMs - this.#clock.elapsed())
  }

  #count(key: string, { free, maxWaitMs }: Patience): void {
    const now = this.#clock.elapsed()
    const known = this.#records.get(key)
    const failures = (known !== undefined && now - known.atMs < FORGOTTEN_AFTER_MS ? known.failures : 0) + 1
    const wait = failures > free ? Math.min(maxWaitMs, 1_000 * 2 ** Math.min(failures - free - 1, 20)) : 0
    putLast(this.#records, key, { failures, waitUntilMs: now + wait, atMs: now }, MAX_REMEMBERED)
  }
}

function keyOf(clientId: string, address: string): string {
  return `${address} ${clientId}`
}
