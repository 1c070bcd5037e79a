import type { Clock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { S3Error } from './s3-errors.ts'

/** A passing failure shows in `status` from the third in a row on: S3 answers a 503 now and then and nobody needs to be called. */
const PASSING_FAILURES_UNSEEN = 2
/** In the log each kind of failure is there at once, and again after this while it lasts: a line for each attempt would drown the rest. */
const LOGGED_AGAIN_AFTER_MS = 60_000

export interface WriteProblemsParts {
  readonly clock: Clock
  readonly logger: Logger
  /** What is wrong now, null when nothing is any more. */
  readonly problem: (error: string | null) => void
}

/** What keeps the objects of one set from being written, told in `status` and in the log. Several can fail at once. */
export class WriteProblems {
  readonly #parts: WriteProblemsParts
  /** Keys whose last attempt failed, and among them those that `status` shows. */
  readonly #failing = new Set<string>()
  readonly #shown = new Set<string>()
  /** When each kind of failure was logged last, by `Clock.elapsed`. */
  readonly #loggedAtMs = new Map<string, number>()
  /** Since the first failure that was logged, until nothing fails any more. */
  #outage: { readonly sinceMs: number; failures: number } | null = null

  constructor(parts: WriteProblemsParts) {
    this.#parts = parts
  }

  /** @param failuresBefore of this object, in a row */
  failed(key: string, error: unknown, failuresBefore: number): void {
    const text = describeError(error)
    this.#failing.add(key)
    if (this.#outage !== null) this.#outage.failures++
    this.#log(key, error instanceof S3Error ? error.code : text, text)
    if (failuresBefore < PASSING_FAILURES_UNSEEN && !needsPerson(error)) return
    this.#shown.add(key)
    this.#parts.problem(text)
  }

  written(key: string): void {
    if (this.#shown.delete(key) && this.#shown.size === 0) this.#parts.problem(null)
    if (this.#failing.delete(key) && this.#failing.size === 0) this.#logEnd(key)
  }

  #log(key: string, kind: string, error: string): void {
    const { clock, logger } = this.#parts
    const nowMs = clock.elapsed()
    const loggedAtMs = this.#loggedAtMs.get(kind)
    if (loggedAtMs !== undefined && nowMs - loggedAtMs < LOGGED_AGAIN_AFTER_MS) return
    this.#loggedAtMs.set(kind, nowMs)
    this.#outage ??= { sinceMs: nowMs, failures: 1 }
    logger.warn({ key, error, failures: this.#outage.failures }, 'an object cannot be written, trying again')
  }

  #logEnd(key: string): void {
    if (this.#outage === null) return
    const { clock, logger } = this.#parts
    const { failures, sinceMs } = this.#outage
    const seconds = Math.round((clock.elapsed() - sinceMs) / 100) / 10
    logger.info({ key, failures, seconds }, 'written after failures')
    this.#outage = null
  }
}

function needsPerson(error: unknown): boolean {
  return error instanceof S3Error && error.kind === 'person'
}
