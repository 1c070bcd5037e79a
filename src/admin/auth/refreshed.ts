import type { Clock } from '../../lib/clock.ts'

export interface RefreshedOptions<T> {
  readonly load: () => Promise<T>
  /** A value this old is loaded anew. */
  readonly freshMs: number
  /** A value this old is no longer used, even if no other can be had. */
  readonly staleMs: number
  /** Shortest time between two attempts, successful or not. */
  readonly retryMs: number
  readonly clock: Pick<Clock, 'elapsed'>
  /** Told of each failed attempt while an older value is still used. */
  readonly onError: (error: unknown) => void
}

interface Attempt {
  readonly atMs: number
  /** Never rejects. */
  readonly done: Promise<void>
  failure?: { readonly error: unknown }
}

/**
 * What another service says, kept for a while. When somebody wants it and it is no longer fresh, the service is asked again, at first in
 * the background; while the service is away, what it said last is still used (stale-while-revalidate and stale-if-error, RFC 5861).
 * There are no timers: what nobody wants is never asked for.
 */
export class Refreshed<T> {
  readonly #options: RefreshedOptions<T>
  #loaded: { readonly value: T; readonly atMs: number } | undefined
  #attempt: Attempt | undefined
  /** When an attempt last failed, of those after the last success. */
  #failedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RefreshedOptions<T>) {
    this.#options = options
  }

  /** @throws the error of an attempt when there is no value, or only one that is too old */
  async get(): Promise<T> {
    const { freshMs, staleMs, clock } = this.#options
    if (this.#ageMs() <= freshMs) return this.#value()
    // Otherwise a service that is slow to fail would slow everybody down for as long as it is away.
    const isAway = clock.elapsed() - this.#failedAtMs < 2 * freshMs
    const attempt = this.#tryToLoad()
    if (this.#ageMs() > (isAway ? staleMs : Math.min(2 * freshMs, staleMs))) await attempt.done
    // Of the attempt that was waited for: another may have begun meanwhile. Its answer counts, however long it took.
    if (this.#ageMs() > staleMs && attempt.failure) throw attempt.failure.error
    return this.#value()
  }

  /** Loads anew, unless that was tried a moment ago. @throws the error of the attempt: what is kept cannot tell what is new */
  async refresh(): Promise<T> {
    const attempt = this.#tryToLoad()
    await attempt.done
    if (attempt.failure) throw attempt.failure.error
    return this.#value()
  }

  /** Puts in a value that is known to be newer, such as the one just written. */
  set(value: T): void {
    this.#loaded = { value, atMs: this.#options.clock.elapsed() }
  }

  #value(): T {
    if (this.#loaded === undefined) throw new Error('nothing is loaded')
    return this.#loaded.value
  }

  #ageMs(): number {
    return this.#loaded === undefined ? Number.POSITIVE_INFINITY : this.#options.clock.elapsed() - this.#loaded.atMs
  }

  #tryToLoad(): Attempt {
    const { clock, retryMs, load, onError } = this.#options
    const atMs = clock.elapsed()
    if (this.#attempt !== undefined && atMs - this.#attempt.atMs < retryMs) return this.#attempt
    const attempt: Attempt = {
      atMs,
      done: load().then(
        (value) => {
          // A value that was put in meanwhile is newer than the answer to this question.
          if (this.#loaded === undefined || this.#loaded.atMs <= atMs) this.#loaded = { value, atMs }
          this.#failedAtMs = Number.NEGATIVE_INFINITY
        },
        (error: unknown) => {
          attempt.failure = { error }
          this.#failedAtMs = clock.elapsed()
          if (this.#loaded !== undefined) onError(error)
        },
      ),
    }
    this.#attempt = attempt
    return attempt
  }
}
