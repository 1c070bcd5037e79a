import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerControl } from '../stack.ts'
import { forgetProcessGroup, guardProcessGroup } from './guard.ts'

export interface ServerSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd: string
  readonly logPath: string
  /** Asked again and again after the start; true when the server serves. Rejections count as not yet. */
  readonly isReady: () => Promise<boolean>
  readonly onUnexpectedExit: (line: string) => void
}

const readyPollMs = 50
const readyTimeoutMs = 60_000
/** A server that ignores SIGTERM for so long is killed. */
const stopTimeoutMs = 20_000

/** A server as a child process that ends with this process and can be stopped and started again. */
export class ServerProcess implements ServerControl {
  readonly #spec: ServerSpec
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  /** Serving, so that an exit is news: while it starts or stops somebody waits for it anyway. */
  #serving = false

  constructor(spec: ServerSpec) {
    this.#spec = spec
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return
    this.#spawn()
    const deadline = Date.now() + readyTimeoutMs
    while (!(await this.#spec.isReady().catch(() => false))) {
      if (this.#child === undefined) throw new Error(`${this.#spec.name} ended while starting${this.#lastLogLines()}`)
      if (Date.now() > deadline) {
        throw new Error(`${this.#spec.name} does not serve after ${readyTimeoutMs / 1000} s${this.#lastLogLines()}`)
      }
      await sleep(readyPollMs)
    }
    this.#serving = true
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) return
    this.#serving = false
    signalGroup(child.pid, signal)
    const { pid } = child
    const killer = setTimeout(() => signalGroup(pid, 'SIGKILL'), stopTimeoutMs)
    await this.#exited
    clearTimeout(killer)
  }

  #spawn(): void {
    const log = openSync(this.#spec.logPath, 'a')
    const child = spawn(this.#spec.command, this.#spec.args, {
      cwd: this.#spec.cwd,
      env: { ...process.env, ...this.#spec.env },
      detached: true, // a process group of its own: Ctrl-C in the terminal reaches the stack, which then stops it
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#child = child
    if (child.pid !== undefined) guardProcessGroup(child.pid)
    this.#exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('exit', () => resolve())
    }).then(() => this.#onExit(child))
  }

  #onExit(child: ChildProcess): void {
    if (child.pid !== undefined) forgetProcessGroup(child.pid)
    this.#child = undefined
    if (!this.#serving) return
    this.#serving = false
    const how = child.signalCode ?? (child.exitCode === null ? 'no start' : `exit code ${child.exitCode}`)
    this.#spec.onUnexpectedExit(`${this.#spec.name} ended by itself (${how})${this.#lastLogLines()}`)
  }

  #lastLogLines(): string {
    const lines = readFileSync(this.#spec.logPath, 'utf8').trimEnd().split('\n').slice(-5)
    return `; the end of ${this.#spec.logPath}:\n${lines.join('\n')}`
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
