import { backoffMs } from '../lib/backoff.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { turns } from '../lib/turns.ts'
import type { KubeApi, Scope, WatchEvent } from './api.ts'
import { isExpired, KubeApiError } from './errors.ts'
import { type Kind, type KubeObject, keyOf } from './kinds.ts'
import { type News, PackedObjects } from './packed-objects.ts'
import { pagesOf } from './pages.ts'

/** The server is asked to end each watch after 5 to 10 minutes (as client-go does), so that load moves between servers. */
const MIN_WATCH_SECONDS = 300
/** Bookmarks come about once a minute; three missing ones mean that the connection is dead without a reset. */
const IDLE_TIMEOUT_MS = 180_000
/**
 * A right that is missing comes by a person's hand, if at all. Only what is refused again and again is missing: for a moment after its start an API
 * server has not read the roles, and refuses everybody everything.
 */
const FORBIDDEN_RETRY_MS = 60_000
const REFUSALS_BEFORE_MISSING = 5
/** At most a few seconds: whoever waits for the API server to return waits for this too, and a handful of watches do not burden it. */
const RETRY = { initialMs: 200, maxMs: 5_000 }
/** After so many failures in a row, read everything again: the server may have been restored from an older state. */
const FAILURES_BEFORE_RELIST = 5

export interface ReflectorEvent<T> {
  readonly type: 'add' | 'update' | 'delete'
  /** The newest state; of a deleted object, the last one known. */
  readonly object: T
  /** Found by listing everything, not told by the server as it happened. */
  readonly isListed: boolean
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly api: Pick<KubeApi, 'list' | 'watch'>
  readonly kind: Kind<T>
  readonly scope: Scope
  /**
   * The kind is that of a CustomResourceDefinition. Where that is deleted no object is left, and the API server answers 404; one that has not read the
   * definitions yet answers 503. Kinds of Kubernetes itself are always there: a 404 of those is somebody else's.
   */
  readonly isCustom?: boolean
  /** The right to list and watch may be withheld on purpose, so a refusal is no fault. */
  readonly isOptional?: boolean
  /** Makes the state to keep: drops what nobody reads. A change of that alone is no event. */
  readonly trim?: (object: T) => T
  readonly onEvent: (event: ReflectorEvent<T>) => void
  /** Called each time that everything was listed, after the events of it. */
  readonly onSynced?: () => void
  readonly clock: Clock
  readonly logger: Logger
  readonly random?: () => number
}

/**
 * Keeps a copy of the objects of one kind, equal to the server's sooner or later whatever happens in between: it lists
 * (streaming where the server can), watches from there, resumes where a watch ended, lists again when the server has
 * forgotten that place (410), and backs off with jitter on every error. It never gives up.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  readonly #objects = new PackedObjects<T>()
  readonly #random: () => number
  #resourceVersion = ''
  #streamingLists = true
  #synced = false
  /** In a row, whatever they were. */
  #failures = 0
  /** In a row, of nothing but refusals: a server that was away and has just begun starts no higher than one that was there. */
  #refusals = 0
  #movedAtMs: number

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#movedAtMs = options.clock.elapsed()
  }

  /** Whether everything was listed once. */
  get hasSynced(): boolean {
    return this.#synced
  }

  /** Whether the right to list is missing: the server refuses it again and again. */
  get isRefused(): boolean {
    return this.#refusals >= REFUSALS_BEFORE_MISSING
  }

  /**
   * Milliseconds since the server was last heard or asked. Dead watches are given up after some minutes, so much more than that means
   * that nothing here runs any more.
   */
  get silentMs(): number {
    return this.#options.clock.elapsed() - this.#movedAtMs
  }

  /** The objects by `keyOf`. */
  get objects(): Pick<PackedObjects<T>, 'get' | 'keys' | 'values' | 'size'> {
    return this.#objects
  }

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#movedAtMs = this.#options.clock.elapsed()
      try {
        await this.#listAndWatch(signal)
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, signal)
      }
    }
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const begun = clock.elapsed()
    if (this.#resourceVersion === '' && !this.#streamingLists) await this.#listPages()
    // Objects seen in a streaming list, until its end is reached; null when the watch continues from a known place. Packed: what a list takes at
    // its height is what the process then keeps.
    let initial: PackedObjects<T> | null = this.#resourceVersion === '' ? this.#objects.another() : null
    let received = 0
    for await (const event of this.#watch(initial !== null, signal)) {
      if (signal.aborted) return
      received++
      this.#movedAtMs = clock.elapsed()
      if (initial === null) this.#handle(event)
      else if (event.type !== 'BOOKMARK') this.#keep(this.#trimmed(event.object), initial)
      else if (event.endsInitialEvents) {
        await this.#replaceAll(initial, event.resourceVersion)
        initial = null
      }
      if (initial === null) this.#failures = this.#refusals = 0
    }
    // A watch that ends well and at once would otherwise make a loop without a pause.
    if (received === 0 && clock.elapsed() - begun < 1000) throw new Error('the watch ended as soon as it began')
  }

  #watch(sendInitialEvents: boolean, signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    const { api, kind, scope } = this.#options
    return api.watch(
      kind,
      {
        ...scope,
        resourceVersion: this.#resourceVersion,
        sendInitialEvents,
        timeoutSeconds: Math.round(MIN_WATCH_SECONDS * (1 + this.#random())),
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      },
      signal,
    )
  }

  async #listPages(): Promise<void> {
    const { api, kind, scope } = this.#options
    const listed = this.#objects.another()
    let resourceVersion = ''
    for await (const page of pagesOf(api, kind, scope)) {
      for (const object of page.items) this.#keep(this.#trimmed(object), listed)
      resourceVersion = page.resourceVersion
    }
    await this.#replaceAll(listed, resourceVersion)
  }

  async #replaceAll(listed: PackedObjects<T>, resourceVersion: string): Promise<void> {
    const turn = turns(this.#options.clock)
    for (const key of this.#objects.keys()) {
      if (!listed.has(key)) this.#remove(key, this.#objects.get(key), true)
      await turn()
    }
    for (const key of listed.keys()) {
      this.#tell(this.#objects.take(key, listed), () => listed.get(key), true)
      await turn()
    }
    this.#resourceVersion = resourceVersion
    this.#synced = true
    this.#options.onSynced?.()
  }

  /** Whoever goes by what was kept makes objects for owners that are gone, which the garbage collector does not take while it does not know the kind. */
  async #forgetAll(): Promise<void> {
    const { kind, logger } = this.#options
    const log = { kind: kind.kind, objects: this.#objects.size }
    if (log.objects > 0) logger.warn(log, 'the API server no longer knows this kind: its objects are gone')
    await this.#replaceAll(this.#objects.another(), '')
  }

  #handle(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion
      return
    }
    // Read before anything is trimmed.
    const { resourceVersion = this.#resourceVersion } = event.object.metadata ?? {}
    const object = this.#trimmed(event.object)
    if (event.type === 'DELETED') this.#remove(keyOf(object), object, false)
    else this.#tell(this.#keep(object, this.#objects), () => object, false)
    this.#resourceVersion = resourceVersion
  }

  /** One that cannot be kept, such as one that is nested too deep to be written as text, must not keep all others from being seen. */
  #keep(object: T, objects: PackedObjects<T>): News {
    try {
      return objects.set(object)
    } catch (error) {
      const { kind, logger } = this.#options
      logger.error({ kind: kind.kind, object: keyOf(object), error: describeError(error) }, 'an object cannot be kept')
      return 'same'
    }
  }

  #trimmed(received: T): T {
    // Bookkeeping of server-side apply: two thirds of an object's size, read by nobody here.
    if (received.metadata) delete received.metadata.managedFields
    return this.#options.trim?.(received) ?? received
  }

  #tell(news: News, objectOf: () => T | undefined, isListed: boolean): void {
    const object = news === 'same' ? undefined : objectOf()
    if (object) this.#emit({ type: news === 'added' ? 'add' : 'update', object, isListed })
  }

  #remove(key: string, object: T | undefined, isListed: boolean): void {
    if (this.#objects.delete(key) && object) this.#emit({ type: 'delete', object, isListed })
  }

  #emit(event: ReflectorEvent<T>): void {
    try {
      this.#options.onEvent(event)
    } catch (error) {
      const { kind, logger } = this.#options
      logger.error({ kind: kind.kind, object: keyOf(event.object), err: error }, 'an event handler failed')
    }
  }

  /** Decides where to go on after an error, and waits. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { kind, clock, logger } = this.#options
    const asApiError = error instanceof KubeApiError ? error : undefined
    this.#failures++
    this.#refusals = asApiError?.status === 403 ? this.#refusals + 1 : 0
    const isListing = this.#resourceVersion === ''
    if (this.#options.isCustom && asApiError?.status === 404 && this.#synced) await this.#forgetAll()
    if (isExpired(error) || this.#failures % FAILURES_BEFORE_RELIST === 0) this.#resourceVersion = ''
    // A server that has no streaming lists (before 1.32, or the gate is off) answers 400 or 422, one whose etcd is too old for them (before 3.5.13) 500.
    if (isListing && this.#streamingLists && asApiError && [400, 422, 500].includes(asApiError.status)) {
      this.#streamingLists = false
      logger.info({ kind: kind.kind, error: describeError(error) }, 'no streaming list can be had, lists are paged')
      return
    }
    const leastMs = this.isRefused ? FORBIDDEN_RETRY_MS : (asApiError?.retryAfterMs ?? 0)
    const attempt = (this.#refusals || this.#failures) - 1
    const waitMs = Math.max(leastMs, backoffMs(attempt, RETRY, this.#random))
    const log = { kind: kind.kind, error: describeError(error), retryInMs: Math.round(waitMs) }
    if (isExpired(error)) logger.info(log, 'the watch fell behind, listing again')
    else if (this.#options.isOptional && this.#refusals > 0)
      logger[this.#refusals === 1 ? 'info' : 'debug'](log, 'no right to list and watch, asking again')
    else logger.warn(log, 'list or watch failed, trying again')
    await sleep(clock, waitMs, signal)
  }
}
