import { type ParseArgsConfig, parseArgs } from 'node:util'
import { describeError } from '../lib/errors.ts'

/** One of the program's commands. `--help`, what is wrong with its arguments, and exit codes are main's affair. */
export interface Command {
  readonly usage: string
  /**
   * @returns the exit code
   * @throws UsageError for what the person who typed the command can put right
   */
  run(args: string[]): Promise<number>
}

/** What was given to a command cannot be used; exit code 2. The message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** The flags themselves are wrong, so that a look at `--help` helps. */
export class FlagError extends UsageError {
  override readonly name = 'FlagError'
}

/** `parseArgs` of Node. @throws FlagError */
export function parseFlags<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new FlagError(describeError(error))
  }
}

/** Who reads no further (`| head`) ends the program, as SIGPIPE does to others: Node.js ignores that signal. */
export function endWithReader(): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 128 + 13 : 1))
}

/** A TCP port, or 0 for any free one. @throws FlagError */
export function parsePort(flag: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new FlagError(`${flag} must be 0 to 65535, not "${text}"`)
}

/** Milliseconds of a number of seconds, with or without `s`. @throws FlagError */
export function parseSeconds(flag: string, text: string): number {
  const seconds = /^(\d{1,6}(?:\.\d+)?)s?$/.exec(text)?.[1]
  if (seconds === undefined) throw new FlagError(`${flag} must be a number of seconds such as 25 or 25s, not "${text}"`)
  return Number(seconds) * 1000
}

/** @throws FlagError */
export function parseBoolean(flag: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new FlagError(`${flag} must be true or false, not "${text}"`)
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** @throws FlagError */
export function parseLogLevel(flag: string, text: string): string {
  if (LOG_LEVELS.includes(text)) return text
  throw new FlagError(`${flag} must be one of ${LOG_LEVELS.join(', ')}, not "${text}"`)
}
