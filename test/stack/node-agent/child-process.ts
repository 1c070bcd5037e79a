import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { accessSync, closeSync, constants as fsConstants, openSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

export interface ProcessSpec {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** stdout and stderr are appended to it. */
  readonly logFile: string
}

/** How a process ended: as a shell says it, 128 + signal number when a signal ended it. */
export interface Exit {
  readonly exitCode: number
}

export interface RunningProcess {
  readonly pid: number
  readonly exited: Promise<Exit>
  /** SIGTERM to the main process alone, SIGKILL to everything it started as well. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void
}

/** The command cannot be run at all; the kubelet's containers end with exit code 128 and reason StartError then. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/**
 * The shell waits in the background on a pipe from the agent and kills its whole process group when that closes, and then becomes
 * the command. So whatever ends the agent, kill -9 included, ends every process it started; and when the command itself
 * ends, the agent closes the pipe, which ends what the command left behind.
 */
const GUARD = '{ read -r _; kill -9 0; } <&3 >/dev/null 2>&1 & exec 3<&- && exec "$@"'

/** @throws StartError when the command does not exist or may not be executed */
export function startProcess({ argv, env, cwd, logFile }: ProcessSpec): RunningProcess {
  const [command = '', ...args] = argv
  const executable = findExecutable(command, env.PATH ?? '', cwd)
  const log = openSync(logFile, 'a')
  try {
    const child = spawn('/bin/sh', ['-c', GUARD, 'guard', executable, ...args], {
      cwd,
      env,
      // A session of its own: the guard's `kill 0` and a terminal's Ctrl-C must each reach one side only.
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    })
    return running(child, cwd)
  } finally {
    closeSync(log)
  }
}

function running(child: ChildProcess, cwd: string): RunningProcess {
  const { pid } = child
  const guardPipe = child.stdio[3]
  // The pipe is reset by the guard's own death, and a missing cwd is told by the missing pid.
  guardPipe?.on('error', () => undefined)
  child.on('error', () => undefined)
  if (pid === undefined) throw new StartError(`/bin/sh could not be started in ${cwd}`)
  let ended = false
  const signal = (name: 'SIGTERM' | 'SIGKILL') => {
    // A process id that has ended may mean another process by now.
    if (!ended) sendSignal(name === 'SIGKILL' ? -pid : pid, name)
  }
  const { promise: exited, resolve: resolveExit } = Promise.withResolvers<Exit>()
  child.once('exit', (code, signalName) => {
    // The guard is still in the group, so the group's number is still this one's.
    signal('SIGKILL')
    ended = true
    guardPipe?.destroy()
    resolveExit({ exitCode: code ?? 128 + (signalName ? constants.signals[signalName] : 0) })
  })
  return { pid, exited, signal }
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Already gone.
  }
}

/**
 * Runs a command beside a container, as an exec probe does.
 *
 * @returns its exit code and output; a command that runs longer than `timeoutMs` is killed and counts as failed
 */
export function runBeside(
  spec: Omit<ProcessSpec, 'logFile'>,
  timeoutMs: number,
): Promise<Exit & { readonly output: string }> {
  const [command = '', ...args] = spec.argv
  const options = { cwd: spec.cwd, env: spec.env, timeout: timeoutMs, killSignal: 'SIGKILL' as const }
  return new Promise((done) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const exitCode = error ? (typeof error.code === 'number' ? error.code : 137) : 0
      const unstarted = error && typeof error.code === 'string' ? error.message : ''
      done({ exitCode, output: (stdout + stderr + unstarted).trim() })
    })
  })
}

function findExecutable(command: string, path: string, cwd: string): string {
  const candidates = command.includes('/')
    ? [resolve(cwd, command)]
    : path.split(delimiter).map((dir) => join(dir, command))
  const found = candidates.find(isExecutable)
  if (found) return found
  const why = command.includes('/')
    ? `stat ${command}: no such file or directory`
    : 'executable file not found in $PATH'
  throw new StartError(`failed to create containerd task: exec: "${command}": ${why}`)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, fsConstants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
