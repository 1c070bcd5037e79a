import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { sleep, systemClock } from '../../src/lib/clock.ts'
import type { Random } from '../simulate/random.ts'
import { eventually } from '../support/eventually.ts'
import { SinkChild } from '../support/sink-child.ts'
import { SESSION_SECONDS } from './servers.ts'
import { KILL, ORPHANS, REPLAY, type Tally } from './tally.ts'

const MOST_RESTART_DELAY_MS = 600
const JOIN_TIMEOUT_MS = 15_000
/** What a sink says that left something to the next owner, as it may with faults: it then ends with 1. */
const LEFT_BEHIND = /the drain time ran out|not everything that was promised is written/

export interface MemberOptions {
  readonly name: string
  /** Asked at each start, as it may have been edited. */
  readonly revision: () => string
  readonly revisionsDir: string
  readonly env: Readonly<Record<string, string>>
  /** A sink that is other than ours; undefined: ours. */
  readonly program: string | undefined
  readonly random: Random
  readonly tally: Tally
  readonly logPath: string
}

/** One pod of a connector, so to say: a sink process that is started again when it ends, as long as it is wanted. */
export class Member {
  readonly #options: MemberOptions
  /** What a sink must not do, or must not have met. */
  readonly anomalies: string[] = []
  /** Names of objects of which it has told that an upload may be left. */
  readonly uploadsTold: string[] = []
  #child: SinkChild | null = null
  #isWanted = false
  #told: NodeJS.Signals | null = null
  #life: Promise<void> = Promise.resolve()

  constructor(options: MemberOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  get hasJoined(): boolean {
    return this.assignedAtMs > 0
  }

  /** When the process that runs now got partitions last, milliseconds since the epoch; 0: it never did. */
  get assignedAtMs(): number {
    const line = this.#child?.log.findLast((line) => /"partitions":[1-9].*assignment in place/.test(line))
    return line === undefined ? 0 : Date.parse((JSON.parse(line) as { time: string }).time)
  }

  want(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return
    this.#isWanted = isWanted
    if (isWanted) this.#life = this.#life.then(() => this.#live())
    else this.terminate()
  }

  kill(): void {
    if (!this.#child) return
    this.#options.tally.add(KILL)
    if (this.hasJoined) this.#options.tally.add(`${KILL} that had joined its group`)
    this.#tell('SIGKILL')
  }

  /** A second SIGTERM would end it at once. */
  terminate(): void {
    if (this.#told === null) this.#tell('SIGTERM')
  }

  /** Stops it for a while; it then goes on as if nothing had happened. */
  async freeze(forMs: number, over: AbortSignal): Promise<void> {
    const child = this.#child
    child?.kill('SIGSTOP')
    await sleep(systemClock, forMs, over)
    child?.kill('SIGCONT')
  }

  /** Resolves when it has ended for good. */
  async ended(): Promise<void> {
    await this.#life
  }

  /** Ends it now if it runs, and waits until its successor has joined, or not for ever. */
  async restart(): Promise<void> {
    const child = this.#child
    this.terminate()
    await child?.exitCode
    const joined = () => {
      if (this.#isWanted && (this.#child === child || !this.hasJoined)) throw new Error('has not joined')
    }
    await eventually(JOIN_TIMEOUT_MS, joined, 50).catch(() => {})
  }

  #tell(signal: NodeJS.Signals): void {
    if (this.#told !== 'SIGKILL') this.#told = signal
    this.#child?.kill(signal)
  }

  async #live(): Promise<void> {
    const { revision, revisionsDir, env, program, random } = this.#options
    while (this.#isWanted) {
      const flags = ['--revision', revision(), '--revisions-dir', revisionsDir, '--drain-timeout', '5s']
      const child = new SinkChild([...flags, '--session-timeout', `${SESSION_SECONDS}s`], env, program)
      this.#told = null
      this.#child = child
      const code = await child.exitCode
      this.#child = null
      this.#ended(child, code)
      await delay(random.int(0, MOST_RESTART_DELAY_MS))
    }
  }

  #ended({ log }: SinkChild, code: number | null): void {
    const { name, tally, logPath } = this.#options
    appendFileSync(logPath, `--- ${name}, told ${this.#told}, ended with ${code}\n${log.join('\n')}\n`)
    tally.add(REPLAY, log.filter((line) => line.includes('finishing the set of an earlier owner')).length)
    for (const line of log.filter((line) => line.includes('uploads that were left of the set aborted')))
      tally.add(ORPHANS, (JSON.parse(line) as { aborted: number }).aborted)
    for (const line of log.filter((line) => line.includes('uploads may be left of the set')))
      this.uploadsTold.push((JSON.parse(line) as { key: string }).key)
    const hasStarted = log.some((line) => line.includes('sink started'))
    const isDrained = code === 0 || (code === 1 && log.some((line) => LEFT_BEHIND.test(line)))
    if (this.#told === null || (this.#told === 'SIGTERM' && !isDrained && hasStarted))
      this.anomalies.push(`${name} ended with ${code}, told ${this.#told}: ${log.at(-1) ?? ''}`)
    for (const line of log.filter((line) => /"level":"(error|fatal)"/.test(line)))
      this.anomalies.push(`${name}: ${line}`)
  }
}
