import type { Clock } from '../../src/lib/clock.ts'
import { EventLoop } from './event-loop.ts'
import { Random } from './random.ts'
import { Tally } from './tally.ts'

/** Some moment, not at the edge of a time partition. */
const STARTS_AT_MS = Date.parse('2026-03-01T11:50:00Z')
/** How long a request or an answer is under way when nothing is wrong. */
const MOST_LATENCY_MS = 8
/** How often who sent a late request dies soon: the request is to find another owner. */
const DIES_WHILE_LATE = 0.2
/** How late the late ones come: after sessions, drains and successors. */
const MOST_LATE_MS = 40_000

interface Event {
  readonly atMs: number
  /** Decides between events of the same moment. */
  readonly order: number
  readonly label: string
  readonly run: () => void
  /** Whose event it is: it waits while that process sleeps and never comes when it is dead. Null: the world's own. */
  readonly life: Life | null
  cancelled: boolean
}

/**
 * What may become of one request and its answer. `refused` and `broken` are answered with an error, without and with an
 * effect; `twice` arrives again later; `repeated` arrives again at once (by a proxy), and only the second answer comes back.
 */
export const MISHAPS = ['lost', 'unanswered', 'late', 'twice', 'repeated', 'refused', 'broken'] as const
export type Mishap = (typeof MISHAPS)[number]

/** How often each fate befalls a request while faults last; the rest goes well. */
export type Fates = Readonly<Record<Mishap, number>>

/** A request had no answer in time: it may have had its effect, may yet have it, or never. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** The life of one process: it may be killed at any of its steps, or stopped (SIGSTOP) and woken later. */
export class Life {
  readonly name: string
  state: 'awake' | 'asleep' | 'dead' = 'awake'
  /** Events that came while it slept, in order. */
  readonly missed: Event[] = []
  #stepsLeft = Number.POSITIVE_INFINITY

  constructor(name: string) {
    this.name = name
  }

  get isDead(): boolean {
    return this.state === 'dead'
  }

  /** Lets it die at a step to come; a step is a request that leaves, or anything that arrives. */
  killAfter(steps: number): void {
    this.#stepsLeft = steps
  }

  /** @returns false when it dies of this step */
  step(): boolean {
    if (--this.#stepsLeft <= 0) this.state = 'dead'
    return !this.isDead
  }
}

/**
 * Everything that happens in one schedule, in virtual time: one event after the other, each followed by all that its promises
 * set off. The seed decides every latency, fate and order, so a schedule happens again exactly as it did.
 */
export class World {
  readonly random: Random
  nowMs = STARTS_AT_MS
  /** While true requests meet their fates; afterwards all goes well. */
  faulty = true
  /** What happened, for a person; null: nobody reads it. */
  readonly trace: string[] | null
  /** What has become of requests, `<operation> <fate>`, and whatever else is worth counting. */
  readonly tally = new Tally()
  readonly #loop = new EventLoop()
  readonly #events: Event[] = []
  #lateRequests = 0
  #ids = 0

  constructor(seed: number, trace: string[] | null) {
    this.random = new Random(seed)
    this.trace = trace
  }

  /** Requests that are late and still under way. */
  get lateRequests(): number {
    return this.#lateRequests
  }

  /** Runs a schedule in this world: randomness and the order of everything are the world's. */
  during<T>(work: () => T): T {
    return this.#loop.during(() => this.random.next(), work)
  }

  /** A name that nobody else has. */
  nextId(prefix: string): string {
    return `${prefix}${++this.#ids}`
  }

  note(who: string, what: string): void {
    this.trace?.push(`${((this.nowMs - STARTS_AT_MS) / 1000).toFixed(3).padStart(9)} ${who.padEnd(5)} ${what}`)
  }

  schedule(delayMs: number, label: string, run: () => void, life: Life | null = null): () => void {
    const event = { atMs: this.nowMs + delayMs, order: this.random.next(), label, run, life, cancelled: false }
    push(this.#events, event)
    return () => {
      event.cancelled = true
    }
  }

  /** The clock as a process sees it; nobody's clock is exact. */
  clockOf(life: Life, skewMs: number): Clock {
    return {
      now: () => this.nowMs + skewMs,
      elapsed: () => this.nowMs,
      after: (delayMs, callback) => this.schedule(delayMs, 'timer', callback, life),
    }
  }

  sleep(life: Life): void {
    if (life.state !== 'awake') return
    life.state = 'asleep'
    this.note(life.name, 'stopped')
  }

  wake(life: Life): void {
    if (life.state !== 'asleep') return
    life.state = 'awake'
    this.note(life.name, 'goes on')
    for (const event of life.missed.splice(0)) push(this.#events, { ...event, atMs: this.nowMs })
  }

  /** Sends one request to a server and gives its answer. */
  call<T>(life: Life, request: Request<T>): Promise<T> {
    const { operation, fates, timeoutMs, refusal } = request
    const label = request.about ? `${operation} ${request.about}` : operation
    if (life.isDead) return never()
    const survives = life.step()
    // A process that dies of the step may or may not have sent the request.
    if (!survives && this.random.chance(0.5)) return never()
    if (!survives) this.note(life.name, `killed after ${label}`)
    const fate = this.#fateOf(fates)
    this.tally.add(`${operation} ${survives ? fate : 'killed'}`)
    if (fate === 'late' && this.random.chance(DIES_WHILE_LATE)) life.killAfter(this.random.int(1, 12))
    if (fate !== 'ok') this.note(life.name, `${label}: ${fate}`)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const answer = (settle: () => void) => this.schedule(this.#latency(), `${label} answered`, settle, life)
    const effect = () => {
      if (life.isDead) this.tally.add(`${operation} afterDeath`)
      return request.effect()
    }
    const timeOut = () =>
      this.schedule(timeoutMs, `${label} timed out`, () => reject(new NoAnswerError(`${label}: no answer`)), life)
    if (fate === 'lost' || fate === 'unanswered' || fate === 'late') timeOut()
    if (fate === 'refused') answer(() => reject(refusal()))
    if (fate === 'lost' || fate === 'refused') return promise
    const arrive = async () => {
      try {
        if (fate === 'repeated') await (async () => effect())().catch(() => {})
        const result = await this.#withTimeOut(effect(), timeOut)
        if (fate === 'broken') answer(() => reject(refusal()))
        else if (fate !== 'unanswered') answer(() => resolve(result))
      } catch (error) {
        if (fate !== 'unanswered') answer(() => reject(error))
      }
    }
    if (fate === 'late') this.#arriveLate(label, arrive)
    else this.schedule(this.#latency(), label, () => void arrive())
    if (fate === 'twice') this.#arriveLate(`${label} again`, async () => void (await effect()))
    return promise
  }

  /** A server may never answer what it keeps waiting: a coordinator forgets a SyncGroup when the same member sends another. */
  async #withTimeOut<T>(waiting: T | Promise<T>, timeOut: () => () => void): Promise<T> {
    if (!(waiting instanceof Promise)) return waiting
    const cancel = timeOut()
    try {
      return await waiting
    } finally {
      cancel()
    }
  }

  /** Lets things happen until `done` says so. @returns false when nothing is left to happen, or it is later than `untilMs` */
  runUntil(done: () => boolean, untilMs: number): boolean {
    while (!done()) {
      const [next] = this.#events
      if (next === undefined || next.atMs > untilMs) return false
      const event = pop(this.#events) as Event
      this.nowMs = Math.max(this.nowMs, event.atMs)
      this.#happen(event)
    }
    return true
  }

  #happen(event: Event): void {
    const { life } = event
    if (event.cancelled || life?.isDead) return
    if (life?.state === 'asleep') {
      life.missed.push(event)
      return
    }
    if (life && !life.step()) {
      this.note(life.name, `killed before ${event.label}`)
      return
    }
    event.run()
    this.#loop.settle()
  }

  #arriveLate(label: string, effect: () => Promise<void>): void {
    this.#lateRequests++
    this.schedule(this.#lateness(), label, () => {
      this.#lateRequests--
      void effect().catch(() => {})
    })
  }

  #fateOf(fates: Fates): Mishap | 'ok' {
    if (!this.faulty) return 'ok'
    let dice = this.random.next()
    for (const fate of MISHAPS) {
      dice -= fates[fate]
      if (dice < 0) return fate
    }
    return 'ok'
  }

  #latency(): number {
    return this.random.int(1, MOST_LATENCY_MS)
  }

  /** Most of the late ones are a little late, some very. */
  #lateness(): number {
    return Math.ceil(MOST_LATE_MS * this.random.next() ** 3)
  }
}

export interface Request<T> {
  /** Name of the protocol's operation. */
  readonly operation: string
  /** What it is about, for the trace. */
  readonly about?: string
  /** What the server does when the request arrives. */
  readonly effect: () => T | Promise<T>
  readonly fates: Fates
  /** After this the caller stops waiting. */
  readonly timeoutMs: number
  /** What it is told when the server refuses or breaks down. */
  readonly refusal: () => Error
}

export function never<T>(): Promise<T> {
  return new Promise<T>(() => {})
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** A binary heap: the parent of i is at (i - 1) / 2. */
function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Event
    if (!isBefore(event, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++
    const below = heap[child] as Event
    if (!isBefore(below, last)) break
    heap[at] = below
    at = child
  }
  heap[at] = last
  return first
}
