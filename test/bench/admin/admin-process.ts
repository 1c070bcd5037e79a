import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PROGRAM } from '../../repository.ts'

/** The REST API in a process of its own, as in its pod but for the container. Without tokens: what they cost is not measured here. */
export class AdminProcess {
  readonly origin: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, origin: string) {
    this.#child = child
    this.origin = origin
  }

  static async start(kubeconfig: string, configuration: string): Promise<AdminProcess> {
    const where = ['--config', configuration, '--kubeconfig', kubeconfig, '--listen-address', '127.0.0.1']
    const flags = [...where, '--port', '0', '--health-port', '0', '--insecure-no-auth']
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, 'admin', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout as NodeJS.ReadableStream)
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the REST API has ended')))
      lines.on('line', (line) => {
        const entry = JSON.parse(line) as { msg: string; port?: number }
        if (entry.msg === 'REST API started') resolve(entry.port ?? 0)
      })
    })
    return new AdminProcess(child, `http://127.0.0.1:${port}`)
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
