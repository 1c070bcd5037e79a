import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'

const END = '--- end of the commands ---'

/** A shell that is given commands piece by piece, as in a terminal: variables and the folder stay. */
export class Shell {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<unknown>
  #stdout = ''
  #stderr = ''

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('bash', [], { cwd, env })
    this.#ended = once(this.#child, 'exit')
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
  }

  /** @returns what the commands printed @throws Error when the last one failed, or it took too long */
  async run(commands: string, withinMs = 60_000): Promise<string> {
    this.#stdout = ''
    this.#stderr = ''
    this.#child.stdin.write(`${commands}\necho "\n${END}$?"\n`)
    const deadline = AbortSignal.timeout(withinMs)
    for (;;) {
      const [, printed, code] = new RegExp(`^([\\s\\S]*)\n${END}(\\d+)\n$`).exec(this.#stdout) ?? []
      if (code === '0') return printed ?? ''
      if (code !== undefined || deadline.aborted || this.#child.exitCode !== null) {
        throw new Error(`${commands}\nexit code ${code}\n${this.#stdout}\n${this.#stderr}`)
      }
      await Promise.race([once(this.#child.stdout, 'data'), once(deadline, 'abort'), this.#ended])
    }
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
