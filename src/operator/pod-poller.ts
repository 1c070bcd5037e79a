import { HTTP_PORT } from '../contract/names.ts'
import { type SinkStatus, sinkStatusSchema } from '../contract/sink-status.ts'
import type { Clock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import type { Priority } from './queue.ts'

/** The part of a sink's status that a connector's depends on; counters and lag move all the time and do not. */
export type PodStatus = Pick<SinkStatus, 'state' | 'error' | 'revision' | 'topicPartitions' | 'lost'>

/** What is known about a pod from asking itself. */
export type PodReport =
  /** Not asked yet, or asked for the first time right now. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'status'; readonly status: PodStatus }
  | { readonly kind: 'unreachable'; readonly error: string }

export interface PodPollerOptions {
  /** GETs a URL and returns the parsed JSON of its answer; rejects on anything but a success, and when `signal` aborts. */
  readonly getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  /** Between two questions to a pod that is not (yet) delivering, in milliseconds. */
  readonly changingMs: number
  /** The same of one that delivers, and the longest of one that does not answer. */
  readonly steadyMs: number
  /** Questions at the same time, over all pods. */
  readonly concurrency: number
  /**
   * Called when what a pod says has changed in a way that its connector's status shows; `resync` for the first answer of a pod that
   * was there before this process.
   */
  readonly onChange: (connectorKey: string, priority: Priority) => void
  readonly random?: () => number
}

/** A pod that does not answer within this is counted as not answering. */
const TIMEOUT_MS = 2_000
/** Failures in a row before a pod is taken as unreachable: one lost packet is no news. */
const FAILURES_BEFORE_UNREACHABLE = 3

/**
 * Steady pods are asked at round times, some at once: a process that wakes up for each question of its own spends several times what
 * the question costs.
 */
const ROUND_MS = 250

interface Target {
  readonly connectorKey: string
  readonly podIP: string
  /** Why it is asked next; of a pod that was found by listing, its first answer is no news. */
  priority: Priority
  report: PodReport
  /** Questions in a row without an answer. */
  failures: number
  /** Those of them since something last happened to it. */
  retries: number
  cancelTimer: () => void
  state: 'waiting' | 'due' | 'asking'
  askAgain: boolean
}

/**
 * Asks each sink pod for its `/status`: often while it is changing, seldom when it is steady or stays silent, a bounded number at once
 * and each with a time limit, so that a slow or dead pod delays nobody else for long. A pod to which something happened goes before those whose
 * time has come.
 */
export class PodPoller {
  readonly #options: PodPollerOptions
  readonly #targets = new Map<string, Target>()
  readonly #news: string[] = []
  readonly #routine: string[] = []
  #asking = 0

  constructor(options: PodPollerOptions) {
    this.#options = options
  }

  /** Starts to ask the pod `uid` at `podIP`; asks a known one again now, as something happened to it. */
  watch(uid: string, connectorKey: string, podIP: string, priority: Priority = 'change'): void {
    const known = this.#targets.get(uid)
    if (known?.podIP === podIP) {
      known.retries = 0
      if (known.state === 'asking') known.askAgain = true
      else this.#enqueue(uid, known, priority)
      return
    }
    known?.cancelTimer()
    const target: Target = {
      connectorKey,
      podIP,
      priority,
      report: { kind: 'pending' },
      failures: 0,
      retries: 0,
      cancelTimer: () => {},
      state: 'waiting',
      askAgain: false,
    }
    this.#targets.set(uid, target)
    this.#enqueue(uid, target, priority)
  }

  /** Forgets a pod that is gone or no longer runs. */
  forget(uid: string): void {
    this.#targets.get(uid)?.cancelTimer()
    this.#targets.delete(uid)
  }

  /** What the pod said last; undefined when it is not watched. */
  reportOf(uid: string): PodReport | undefined {
    return this.#targets.get(uid)?.report
  }

  /** Forgets all pods. */
  stop(): void {
    for (const uid of [...this.#targets.keys()]) this.forget(uid)
  }

  #enqueue(uid: string, target: Target, priority: Priority): void {
    target.cancelTimer()
    const isNews = priority === 'change'
    // One that waits for its turn and is news by now waits in both lists; whichever comes first asks.
    if (target.state === 'due' && (!isNews || target.priority === 'change')) return
    target.state = 'due'
    target.priority = priority
    const due = isNews ? this.#news : this.#routine
    due.push(uid)
    this.#dispatch()
  }

  #dispatch(): void {
    while (this.#asking < this.#options.concurrency) {
      const uid = this.#news.shift() ?? this.#routine.shift()
      if (uid === undefined) return
      const target = this.#targets.get(uid)
      if (target?.state === 'due') void this.#ask(uid, target)
    }
  }

  async #ask(uid: string, target: Target): Promise<void> {
    this.#asking++
    target.state = 'asking'
    const report = await this.#question(target)
    this.#asking--
    if (this.#targets.get(uid) === target) this.#note(uid, target, report)
    this.#dispatch()
  }

  async #question(target: Target): Promise<PodReport> {
    const { getJson, clock } = this.#options
    const url = statusUrl(target.podIP)
    const timeout = new AbortController()
    const cancel = clock.after(TIMEOUT_MS, () => timeout.abort(new Error(`no answer in ${TIMEOUT_MS} ms`)))
    try {
      const answer = sinkStatusSchema.parse(await getJson(url, timeout.signal))
      const { connector, state, error, revision, topicPartitions, lost } = answer
      // An address is given to another pod as soon as its own is gone, which may be before that is heard of here.
      if (connector !== target.connectorKey) throw new Error(`a sink of ${connector} answers there`)
      target.failures = target.retries = 0
      return { kind: 'status', status: { state, error, revision, topicPartitions, lost } }
    } catch (error) {
      target.failures++
      target.retries++
      // What it said before still counts for a moment, and so does what the status says of a pod that has not been asked before.
      if (target.failures < FAILURES_BEFORE_UNREACHABLE && target.report.kind !== 'unreachable') return target.report
      return { kind: 'unreachable', error: `${url}: ${describeError(error)}` }
    } finally {
      cancel()
    }
  }

  #note(uid: string, target: Target, report: PodReport): void {
    const changed = newsOf(target.report) !== newsOf(report)
    const priority = target.report.kind === 'pending' && target.priority === 'resync' ? 'resync' : 'change'
    target.report = report
    target.state = 'waiting'
    const { clock, random = Math.random, onChange } = this.#options
    if (target.askAgain) {
      target.askAgain = false
      this.#enqueue(uid, target, 'change')
    } else {
      const steady = report.kind === 'status' && report.status.state === 'ACTIVE' && target.failures === 0
      // A tenth more or less, so that pods that started together are not asked together for ever.
      const jitteredMs = this.#pauseMs(target, steady) * (0.9 + 0.2 * random())
      const delayMs = steady ? untilRound(clock.elapsed() + jitteredMs) - clock.elapsed() : jitteredMs
      target.cancelTimer = clock.after(delayMs, () => this.#enqueue(uid, target, 'resync'))
    }
    if (changed) onChange(target.connectorKey, priority)
  }

  /**
   * Quick until a pod counts as unreachable, then twice as long after each question: one that takes connections and never answers holds one of
   * the few places for the whole time limit. What brings it back is mostly told by its readiness or its container, and then it is asked at once.
   */
  #pauseMs({ retries }: Target, steady: boolean): number {
    const { changingMs, steadyMs } = this.#options
    if (steady) return steadyMs
    const doublings = Math.max(0, retries - FAILURES_BEFORE_UNREACHABLE + 1)
    return Math.max(changingMs, Math.min(steadyMs, changingMs * 2 ** doublings))
  }
}

function untilRound(atMs: number): number {
  return Math.ceil(atMs / ROUND_MS) * ROUND_MS
}

function statusUrl(podIP: string): string {
  return `http://${podIP.includes(':') ? `[${podIP}]` : podIP}:${HTTP_PORT}/status`
}

/** What is news of a report: ranges that are lost come with their number. */
function newsOf(report: PodReport): string {
  if (report.kind !== 'status') return report.kind
  const { state, error, revision, topicPartitions, lost } = report.status
  return JSON.stringify([state, error, revision, topicPartitions, lost.offsets])
}
