import { HTTP_PORT } from '../contract/names.ts'
import { type SinkStatus, sinkStatusSchema } from '../contract/sink-status.ts'
import type { Clock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'

/** What is known about a pod from asking itself. */
export type PodReport =
  /** Not asked yet, or asked for the first time right now. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'status'; readonly status: SinkStatus }
  | { readonly kind: 'unreachable'; readonly error: string }

export interface PodPollerOptions {
  /** GETs a URL and returns the parsed JSON of its answer; rejects on anything but a success, and when `signal` aborts. */
  readonly getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  /** Between two questions to a pod that is not (yet) delivering, in milliseconds. */
  readonly changingMs: number
  /** The same of one that delivers. */
  readonly steadyMs: number
  /** Questions at the same time, over all pods. */
  readonly concurrency: number
  /** Called when what a pod says has changed in a way that its connector's status shows. */
  readonly onChange: (connectorKey: string) => void
  readonly random?: () => number
}

/** A pod that does not answer within this is counted as not answering. */
const TIMEOUT_MS = 2_000
/** Failures in a row before a pod that did answer is taken as unreachable: one lost packet is no news. */
const FAILURES_BEFORE_UNREACHABLE = 3

interface Target {
  readonly connectorKey: string
  readonly url: string
  report: PodReport
  failures: number
  cancelTimer: () => void
  state: 'waiting' | 'due' | 'asking'
  askAgain: boolean
}

/**
 * Asks each sink pod for its `/status`: often while it is changing, seldom when it is steady, a bounded number at once
 * and each with a time limit, so that a slow or dead pod delays nobody else for long.
 */
export class PodPoller {
  readonly #options: PodPollerOptions
  readonly #targets = new Map<string, Target>()
  readonly #due: string[] = []
  #asking = 0

  constructor(options: PodPollerOptions) {
    this.#options = options
  }

  /** Starts to ask the pod `uid` at `podIP`; asks a known one again now, as something happened to it. */
  watch(uid: string, connectorKey: string, podIP: string): void {
    const host = podIP.includes(':') ? `[${podIP}]` : podIP
    const url = `http://${host}:${HTTP_PORT}/status`
    const known = this.#targets.get(uid)
    if (known?.url === url) {
      if (known.state === 'asking') known.askAgain = true
      else this.#enqueue(uid, known)
      return
    }
    known?.cancelTimer()
    const report: PodReport = { kind: 'pending' }
    const target: Target = {
      connectorKey,
      url,
      report,
      failures: 0,
      cancelTimer: () => {},
      state: 'waiting',
      askAgain: false,
    }
    this.#targets.set(uid, target)
    this.#enqueue(uid, target)
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

  #enqueue(uid: string, target: Target): void {
    target.cancelTimer()
    if (target.state === 'due') return
    target.state = 'due'
    this.#due.push(uid)
    this.#dispatch()
  }

  #dispatch(): void {
    while (this.#asking < this.#options.concurrency) {
      const uid = this.#due.shift()
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
    const timeout = new AbortController()
    const cancel = this.#options.clock.after(TIMEOUT_MS, () =>
      timeout.abort(new Error(`no answer in ${TIMEOUT_MS} ms`)),
    )
    try {
      const status = sinkStatusSchema.parse(await this.#options.getJson(target.url, timeout.signal))
      target.failures = 0
      return { kind: 'status', status }
    } catch (error) {
      target.failures++
      // What it said before still counts for a moment.
      if (target.failures < FAILURES_BEFORE_UNREACHABLE && target.report.kind === 'status') return target.report
      return { kind: 'unreachable', error: `${target.url}: ${describeError(error)}` }
    } finally {
      cancel()
    }
  }

  #note(uid: string, target: Target, report: PodReport): void {
    const changed = newsOf(target.report) !== newsOf(report)
    target.report = report
    target.state = 'waiting'
    const { clock, changingMs, steadyMs, random = Math.random, onChange } = this.#options
    if (target.askAgain) {
      target.askAgain = false
      this.#enqueue(uid, target)
    } else {
      const steady = report.kind === 'status' && report.status.state === 'ACTIVE' && target.failures === 0
      // A tenth more or less, so that pods that started together are not asked together for ever.
      const delayMs = (steady ? steadyMs : changingMs) * (0.9 + 0.2 * random())
      target.cancelTimer = clock.after(delayMs, () => this.#enqueue(uid, target))
    }
    if (changed) onChange(target.connectorKey)
  }
}

/** The part of a report that a connector's status depends on; counters and lag move all the time and do not. */
function newsOf(report: PodReport): string {
  if (report.kind !== 'status') return report.kind
  const { state, error, revision, topicPartitions, lost } = report.status
  return JSON.stringify([state, error, revision, topicPartitions, lost.offsets])
}
