import { backoffMs } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import { turns } from '../lib/turns.ts'

/**
 * Why a key is in the queue. What a person or the cluster has changed goes before what failed, and that before a routine
 * look, also at everything after a start: an edit never waits behind ten thousand connectors that are as they were.
 */
export type Priority = (typeof PRIORITIES)[number]

const PRIORITIES = ['change', 'retry', 'resync'] as const

/** A list after a start finds everything, most of it as it was; the news is what the server tells. */
export function priorityOf({ isListed }: { readonly isListed: boolean }): Priority {
  return isListed ? 'resync' : 'change'
}

/** What the worker wants to happen with a key next. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Look again after this time, unless something happens before. */
  | { readonly kind: 'after'; readonly delayMs: number }
  /** It failed: look again after the key's own exponential back-off, or after `delayMs` if that is longer. */
  | { readonly kind: 'retry'; readonly delayMs?: number }

/** What the queue tells about itself; the names of the metrics are controller-runtime's (`workqueue_*`). */
export interface QueueObserver {
  added(): void
  /** Milliseconds between being due and being taken. */
  taken(waitedMs: number): void
  /** Milliseconds of work. */
  finished(workedMs: number): void
  retried(): void
}

export interface KeyQueueOptions {
  readonly clock: Clock
  /** Keys worked on at the same time. */
  readonly concurrency: number
  /** Never rejects: what goes wrong with a key is its outcome. */
  readonly work: (key: string) => Promise<Outcome>
  readonly observer: QueueObserver
  readonly retry?: { readonly initialMs: number; readonly maxMs: number }
  readonly random?: () => number
}

const DEFAULT_RETRY = { initialMs: 250, maxMs: 60_000 }

/**
 * A queue of keys, never of events or objects: whatever happened to an object, the worker looks at all of it anew.
 * A key waits at most once and is worked on by one worker at a time; added while it is worked on, it comes again after.
 */
export class KeyQueue {
  readonly #options: KeyQueueOptions
  /** Keys that are due, in order of arrival, with the time since when. A key is in one of them at most. */
  readonly #ready: Record<Priority, Map<string, number>> = { change: new Map(), retry: new Map(), resync: new Map() }
  readonly #delayed = new Map<string, { dueAt: number; cancel: () => void }>()
  readonly #working = new Map<string, number>()
  readonly #addedWhileWorking = new Map<string, Priority>()
  /** Retries that failed in a row, of keys that have not succeeded since their first failure. */
  readonly #failures = new Map<string, number>()
  /** Of the keys worked on, those that had failed before. */
  readonly #retrying = new Set<string>()
  readonly #turn: () => Promise<void>
  #movedAtMs = 0
  #running = false
  #idle: (() => void) | undefined

  constructor(options: KeyQueueOptions) {
    this.#options = options
    this.#turn = turns(options.clock)
  }

  /** Keys that are due and not yet taken; none before the start, as another process may lead and look after them. */
  get depth(): number {
    return this.#running ? PRIORITIES.reduce((sum, priority) => sum + this.#ready[priority].size, 0) : 0
  }

  /** For how long the oldest work in progress has been going on, in milliseconds; 0 without any. */
  get longestWorkMs(): number {
    const [first] = this.#working.values()
    return first === undefined ? 0 : this.#options.clock.elapsed() - first
  }

  /** Keys worked on now. */
  get active(): number {
    return this.#working.size
  }

  /** The time that all work in progress has taken so far, in milliseconds. */
  get unfinishedWorkMs(): number {
    const now = this.#options.clock.elapsed()
    return [...this.#working.values()].reduce((sum, begun) => sum + now - begun, 0)
  }

  /** For how long keys have been due and none was taken or finished, in milliseconds: the queue stands still. */
  get standstillMs(): number {
    return this.#running && this.depth > 0 ? this.#options.clock.elapsed() - this.#movedAtMs : 0
  }

  /** Makes `key` due now. A key that waits for a delay, also for its back-off, waits no longer. */
  add(key: string, priority: Priority): void {
    if (this.#working.has(key)) {
      const before = this.#addedWhileWorking.get(key)
      if (before === undefined || isHigher(priority, before)) this.#addedWhileWorking.set(key, priority)
      return
    }
    this.#cancelDelay(key)
    const waiting = PRIORITIES.find((each) => this.#ready[each].has(key))
    if (waiting !== undefined && !isHigher(priority, waiting)) return
    if (this.depth === 0) this.#movedAtMs = this.#options.clock.elapsed()
    const since = waiting && this.#ready[waiting].get(key)
    if (waiting) this.#ready[waiting].delete(key)
    this.#ready[priority].set(key, since ?? this.#options.clock.elapsed())
    if (since === undefined) this.#options.observer.added()
    this.#dispatch()
  }

  /** Makes `key` due after `delayMs`; of several delays the earliest counts. */
  addAfter(key: string, delayMs: number, priority: Priority = 'resync'): void {
    const { clock } = this.#options
    const dueAt = clock.elapsed() + delayMs
    const waiting = this.#delayed.get(key)
    if (waiting && waiting.dueAt <= dueAt) return
    this.#cancelDelay(key)
    const due = () => {
      this.#delayed.delete(key)
      this.add(key, priority)
    }
    this.#delayed.set(key, { dueAt, cancel: clock.after(delayMs, due) })
  }

  /** Begins to work on what is due. */
  start(): void {
    this.#running = true
    this.#movedAtMs = this.#options.clock.elapsed()
    for (const keys of Object.values(this.#ready)) for (const key of keys.keys()) keys.set(key, this.#movedAtMs)
    this.#dispatch()
  }

  /** Takes no more keys; resolves when the work in progress has ended. */
  async stop(): Promise<void> {
    this.#running = false
    for (const key of [...this.#delayed.keys()]) this.#cancelDelay(key)
    if (this.#working.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  #dispatch(): void {
    while (this.#running && this.#working.size < this.#options.concurrency) {
      const priority = PRIORITIES.find((each) => this.#ready[each].size > 0 && (each !== 'retry' || this.#mayRetry))
      const [next] = priority ? this.#ready[priority] : []
      if (!priority || !next) return
      const [key, since] = next
      this.#ready[priority].delete(key)
      if (priority === 'retry') this.#retrying.add(key)
      void this.#process(key, since)
    }
  }

  /** What failed before may hang again (a webhook, a quota): it takes half of the workers at most, the others are for the rest. */
  get #mayRetry(): boolean {
    return this.#retrying.size < Math.max(1, this.#options.concurrency / 2)
  }

  async #process(key: string, since: number): Promise<void> {
    const { clock, work, observer } = this.#options
    const begun = clock.elapsed()
    this.#working.set(key, begun)
    this.#movedAtMs = begun
    observer.taken(begun - since)
    const outcome = await work(key)
    observer.finished(clock.elapsed() - begun)
    // Work that finds nothing to do waits for nothing: after a start ten thousand such passes would follow each other, and no probe be answered for seconds.
    await this.#turn()
    this.#working.delete(key)
    const wasRetry = this.#retrying.delete(key)
    this.#movedAtMs = clock.elapsed()
    const again = this.#addedWhileWorking.get(key)
    this.#addedWhileWorking.delete(key)
    this.#schedule(key, outcome, wasRetry)
    if (again) this.add(key, again)
    if (this.#running) this.#dispatch()
    else if (this.#working.size === 0) this.#idle?.()
  }

  #schedule(key: string, outcome: Outcome, wasRetry: boolean): void {
    if (outcome.kind !== 'retry') {
      this.#failures.delete(key)
      if (outcome.kind === 'after' && this.#running) this.addAfter(key, outcome.delayMs)
      return
    }
    const { retry = DEFAULT_RETRY, random, observer } = this.#options
    const before = this.#failures.get(key)
    // A rollout makes ten changes in a second, which may all meet one fault: only a retry that fails tells that it lasts.
    const failures = before === undefined ? 0 : before + (wasRetry ? 1 : 0)
    this.#failures.set(key, failures)
    observer.retried()
    if (this.#running) this.addAfter(key, Math.max(outcome.delayMs ?? 0, backoffMs(failures, retry, random)), 'retry')
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel()
    this.#delayed.delete(key)
  }
}

function isHigher(a: Priority, b: Priority): boolean {
  return PRIORITIES.indexOf(a) < PRIORITIES.indexOf(b)
}
