import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'yaml'
import { DEPLOY } from '../../repository.ts'
import { guardProcessGroup } from '../../stack/native/guard.ts'

/** Clock ticks of /proc/<pid>/stat in a second; 100 on every Linux of today. */
const TICKS = 100

export interface OperatorOptions {
  /** Folder of the compiled program. */
  readonly dist: string
  /** Folder with `ca.crt`, `token` and `namespace`, as in a pod. */
  readonly credentials: string
  readonly server: string
  readonly configuration: string
  /** Further flags of node, such as those of a profile. */
  readonly nodeFlags: readonly string[]
}

/** The compiled operator in a process of its own, with the environment of deploy/base. */
export class OperatorProcess {
  readonly startedAt = performance.now()
  readonly #child: ChildProcess
  readonly #port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
  }

  static async start({
    dist,
    credentials,
    server,
    configuration,
    nodeFlags,
  }: OperatorOptions): Promise<OperatorProcess> {
    const main = join(import.meta.dirname, 'in-pod.mjs')
    const child = spawn(process.execPath, [...nodeFlags, main, dist, credentials, server, configuration], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      // The shell's variables find programs and folders; NODE_ENV is the image's, and what deploy/base sets holds over both.
      env: { ...process.env, NODE_ENV: 'production', ...environmentOfBase() },
    })
    // It ends with the bench, whatever that ends by.
    if (child.pid !== undefined) guardProcessGroup(child.pid)
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

  /** Sums of metrics over their labels, all of one moment. */
  async metrics(...names: string[]): Promise<number[]> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const lines = text.split('\n')
    return names.map((name) =>
      lines
        .filter((line) => line.startsWith(name))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
    )
  }

  /** Writes by what was done to what, such as `apply Deployment`. */
  async writes(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const lines = text.matchAll(/^bench_writes_total\{what="([^"]+)"\} (\d+)$/gm)
    return new Map([...lines].map(([, what = '', sum]) => [what, Number(sum)]))
  }

  async requests(): Promise<{ all: number; writes: number }> {
    const methods = ['PATCH', 'POST', 'PUT', 'DELETE'].map((method) => `rest_client_requests_total{method="${method}"`)
    const [all = 0, ...writes] = await this.metrics('rest_client_requests_total{', ...methods)
    return { all, writes: writes.reduce((sum, each) => sum + each, 0) }
  }

  /**
   * Until every connector was looked at, every pod has answered (`pods` tells how many did) and no connector is due; milliseconds since the start of
   * the process.
   */
  async converged(connectors: number, pods: () => number): Promise<number> {
    for (;;) {
      const [done = 0, due = 0, busy = 0] = await this.metrics(
        'controller_runtime_reconcile_total{',
        'workqueue_depth{',
        'controller_runtime_active_workers{',
      )
      if (pods() >= connectors && done >= connectors && due + busy === 0) return performance.now() - this.startedAt
      // With ten thousand connectors a scrape is a tenth of a second of the operator's work.
      await delay(Math.max(100, connectors / 10))
    }
  }

  /** Seconds of processor time so far. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS
  }

  get rssMiB(): number {
    return this.#statusMiB('VmRSS')
  }

  /** The most that it ever was. */
  get peakRssMiB(): number {
    return this.#statusMiB('VmHWM')
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }

  /** Asks for a heap snapshot, with --heapsnapshot-signal among the flags. */
  snapshot(): void {
    this.#child.kill('SIGUSR2')
  }

  #statusMiB(name: string): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const [, kib] = new RegExp(`${name}:\\s+(\\d+)`).exec(status) ?? []
    return Number(kib) / 1024
  }
}

/** What the installed operator's Node and malloc are told; V8 its part of the pod's memory as a size, as no control group limits this one. */
function environmentOfBase(): Record<string, string> {
  const { spec } = parse(readFileSync(join(DEPLOY, 'base/deployment.yaml'), 'utf8')) as {
    spec: { template: { spec: { containers: Container[] } } }
  }
  const [{ env, resources }] = spec.template.spec.containers as [Container]
  const mebibytes = Number.parseInt(resources.limits.memory, 10)
  const asSize = (value: string) =>
    value.replace(/size-percentage=(\d+)/, (_, percent) => `size=${(mebibytes * Number(percent)) / 100}`)
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, asSize(value)]])))
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[]
  /** In mebibytes, `512Mi`. */
  readonly resources: { readonly limits: { readonly memory: string } }
}
