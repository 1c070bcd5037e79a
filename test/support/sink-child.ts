import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { revisionOf, type SinkConfig } from '../../src/contract/sink-config.ts'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import { PROGRAM } from '../repository.ts'
import { forgetProcessGroup, guardProcessGroup } from '../stack/native/guard.ts'

/** Stores a configuration as the operator mounts it; returns its revision. */
export async function storeRevision(dir: string, config: SinkConfig): Promise<string> {
  const revision = revisionOf(config)
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, `${revision}.json`), JSON.stringify(config))
  return revision
}

/** `analytics-connector sink` as a process of its own, as it runs in a pod. */
export class SinkChild {
  readonly log: string[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<number | null>
  readonly #port = Promise.withResolvers<number>()

  /** @param program what runs instead of the sink as it is built; it is told the same */
  constructor(args: readonly string[], env: Readonly<Record<string, string>>, program?: string) {
    const flags = ['--listen-address', '127.0.0.1', '--port', '0', '--session-timeout', '6s']
    this.#process = spawn(
      process.execPath,
      ['--disable-warning=TimeoutNegativeWarning', program ?? PROGRAM, 'sink', ...flags, ...args],
      { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    )
    const { pid } = this
    if (pid) guardProcessGroup(pid)
    this.#exited = once(this.#process, 'exit').then(([code]) => {
      if (pid) forgetProcessGroup(pid)
      return code as number | null
    })
    for (const output of [this.#process.stdout, this.#process.stderr])
      if (output) createInterface({ input: output }).on('line', (line) => this.#hear(line))
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Null where a signal ended it. */
  get exitCode(): Promise<number | null> {
    return this.#exited
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Ends it at once if it has not ended; for clean-up. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://127.0.0.1:${await this.#port.promise}${path}`)
    return { status: answer.status, text: await answer.text() }
  }

  async status(): Promise<SinkStatus> {
    return JSON.parse((await this.get('/status')).text) as SinkStatus
  }

  #hear(line: string): void {
    this.log.push(line)
    const port = /"port":(\d+)/.exec(line)?.[1]
    if (port !== undefined) this.#port.resolve(Number(port))
  }
}
