import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { forgetProcessGroup, guardProcessGroup } from './guard.ts'

/** A tool ended with an error; the message carries the end of what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Called for each line of output (both streams), for progress. */
  readonly onLine?: (line: string) => void
}

const keptLines = 20

/**
 * Runs a tool to its end and returns its standard output. The tool ends with this process.
 * @throws CommandFailed when it cannot be started or its exit code is not 0.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { pid } = child
    if (pid !== undefined) guardProcessGroup(pid)
    const output: string[] = []
    const lastLines: string[] = []
    const read = (line: string) => {
      lastLines.push(line)
      if (lastLines.length > keptLines) lastLines.shift()
      options.onLine?.(line)
    }
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(line)
      read(line)
    })
    createInterface({ input: child.stderr }).on('line', read)
    child.once('error', (cause) =>
      reject(new CommandFailed(`${command} cannot be started: ${cause.message}`, { cause })),
    )
    child.once('close', (code, signal) => {
      if (pid !== undefined) forgetProcessGroup(pid)
      if (code === 0) resolve(output.join('\n'))
      else
        reject(
          new CommandFailed(
            `${command} ${args[0] ?? ''} ended with ${signal ?? `exit code ${code}`}:\n${lastLines.join('\n')}`,
          ),
        )
    })
  })
}
