import type { Route } from './plan.ts'

/** Of all topics of a plan: far more than the namespaces, event names and time partitions that are written to at once, and some 15 MB. */
const MOST_ROUTES = 20_000
/** Of what a route follows from, in bytes. Longer texts are a mistake, and ten thousand of them would be more memory than the process has. */
const LONGEST_TEXT = 256
const FNV_PRIME = 0x01000193
const FNV_OFFSET = 0x811c9dc5

/**
 * What the route of a record follows from, as places in its bytes; a length of -1 where there is no such text. Filled in
 * anew for each record, so that nothing is made for one that goes where others went before.
 */
export class RouteKey {
  bytes: Buffer = Buffer.alloc(0)
  namespaceAt = 0
  namespaceLength = -1
  eventNameAt = 0
  eventNameLength = -1
  /** Start of the time partition, milliseconds since the epoch. */
  partitionStartMs = 0
}

interface Entry {
  readonly namespace: Buffer | null
  readonly eventName: Buffer | null
  readonly partitionStartMs: number
  readonly route: Route
  /** Others with the same hash. */
  readonly next: Entry | undefined
}

/**
 * Room for the known routes of all topics of a plan. Each time partition brings each topic new ones and nobody says which
 * are over, so where they are too many all are forgotten: what is still in use is soon known again.
 */
export class RouteRoom {
  readonly #caches: RouteCache[] = []
  #routes = 0

  share(cache: RouteCache): void {
    this.#caches.push(cache)
  }

  /** To be called before a route is added. */
  take(): void {
    if (this.#routes === MOST_ROUTES) {
      for (const cache of this.#caches) cache.clear()
      this.#routes = 0
    }
    this.#routes++
  }
}

/** The routes of one topic that are known already. */
export class RouteCache {
  readonly #room: RouteRoom
  readonly #entries = new Map<number, Entry>()
  /** Of the record before: most often the next one goes there too. */
  #last: Entry | undefined

  constructor(room: RouteRoom) {
    this.#room = room
    room.share(this)
  }

  clear(): void {
    this.#entries.clear()
    this.#last = undefined
  }

  find(key: RouteKey): Route | undefined {
    if (this.#last !== undefined && isOf(this.#last, key)) return this.#last.route
    let entry = this.#entries.get(hashOf(key))
    while (entry !== undefined && !isOf(entry, key)) entry = entry.next
    this.#last = entry
    return entry?.route
  }

  /** Only for a key that is not found. */
  add(key: RouteKey, route: Route): void {
    if (key.namespaceLength > LONGEST_TEXT || key.eventNameLength > LONGEST_TEXT) return
    this.#room.take()
    const { bytes, namespaceAt, namespaceLength, eventNameAt, eventNameLength, partitionStartMs } = key
    const hash = hashOf(key)
    this.#entries.set(hash, {
      namespace: copyOf(bytes, namespaceAt, namespaceLength),
      eventName: copyOf(bytes, eventNameAt, eventNameLength),
      partitionStartMs,
      route,
      next: this.#entries.get(hash),
    })
  }
}

/** FNV-1a. */
function hashOf(key: RouteKey): number {
  const { bytes, namespaceAt, namespaceLength, eventNameAt, eventNameLength } = key
  let hash = FNV_OFFSET ^ (key.partitionStartMs / 1000)
  for (let i = namespaceAt; i < namespaceAt + namespaceLength; i++)
    hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME)
  hash = Math.imul(hash ^ eventNameLength, FNV_PRIME)
  for (let i = eventNameAt; i < eventNameAt + eventNameLength; i++)
    hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME)
  return hash
}

function isOf(entry: Entry, key: RouteKey): boolean {
  return (
    entry.partitionStartMs === key.partitionStartMs &&
    isSame(entry.eventName, key.bytes, key.eventNameAt, key.eventNameLength) &&
    isSame(entry.namespace, key.bytes, key.namespaceAt, key.namespaceLength)
  )
}

function isSame(kept: Buffer | null, bytes: Buffer, at: number, length: number): boolean {
  if (kept === null || length !== kept.length) return kept === null && length < 0
  for (let i = 0; i < length; i++) if (kept[i] !== bytes[at + i]) return false
  return true
}

function copyOf(bytes: Buffer, at: number, length: number): Buffer | null {
  return length < 0 ? null : Buffer.from(bytes.subarray(at, at + length))
}
