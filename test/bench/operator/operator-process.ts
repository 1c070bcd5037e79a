import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const MAIN = join(import.meta.dirname, '../../../src/bin/main.ts')
/** Clock ticks of /proc/<pid>/stat in a second; 100 on every Linux of today. */
const TICKS = 100

/** The operator in a process of its own, as in its pod but for the container. */
export class OperatorProcess {
  readonly startedAt = performance.now()
  readonly #child: ChildProcess
  readonly #port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
  }

  static async start(kubeconfig: string, configuration: string): Promise<OperatorProcess> {
    const flags = [
      '--config',
      configuration,
      '--kubeconfig',
      kubeconfig,
      '--port',
      '0',
      '--listen-address',
      '127.0.0.1',
    ]
    const args = [MAIN, 'operator', ...flags, '--sink-image', 'simulated:1', '--leader-elect', 'false']
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout as NodeJS.ReadableStream)
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the operator has ended')))
      lines.on('line', (line) => {
        const entry = JSON.parse(line) as { msg: string; port?: number; level: string }
        if (entry.msg === 'operator started') resolve(entry.port ?? 0)
      })
    })
    return new OperatorProcess(child, port)
  }

  /** Sums of a metric over its labels; `matching` chooses lines. */
  async metric(name: string, matching = /./): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && matching.test(line))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  async requests(): Promise<{ all: number; writes: number }> {
    const [all, writes] = await Promise.all([
      this.metric('rest_client_requests_total'),
      this.metric('rest_client_requests_total', /method="(PATCH|POST|PUT|DELETE)"/),
    ])
    return { all, writes }
  }

  /** Until every connector was looked at and none is due; milliseconds since the start of the process. */
  async converged(connectors: number): Promise<number> {
    for (;;) {
      const done = await this.metric('controller_runtime_reconcile_total')
      const due = (await this.metric('workqueue_depth')) + (await this.metric('controller_runtime_active_workers'))
      if (done >= connectors && due === 0) return performance.now() - this.startedAt
      await delay(100)
    }
  }

  /** Seconds of processor time so far. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS
  }

  get rssMiB(): number {
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')) ?? []
    return Number(kib) / 1024
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }
}
