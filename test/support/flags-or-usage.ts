import { type ParseArgsConfig, parseArgs } from 'node:util'

/**
 * The flags of a script that people start. With `--help` it prints the usage and ends the process; with a flag that there is not, or one
 * without its value, it says so with the usage and ends it with 2.
 */
export function flagsOrUsage<T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).includes('--help')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

/** The number that a flag has; ends the process with 2 where it is none, as a script that does nothing finds nothing wrong. */
export function wholeNumber(usage: string, flag: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  console.error(`${flag} must be a whole number, not "${text}"\n\n${usage}`)
  process.exit(2)
}
