import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** The environment of a build whose result depends on nothing but its inputs. */
const goEnvironment = {
  CGO_ENABLED: '0',
  GOFLAGS: '-buildvcs=false -trimpath',
  GOWORK: 'off',
  GOTOOLCHAIN: 'local',
} as const

export interface GoCommand {
  readonly go: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** The recipe's folder: compiled packages go to a subfolder of it which is dropped afterwards (up to 3 GB). */
  readonly dir: string
  readonly onLine?: (line: string) => void
}

/** Runs the go command with a build cache of its own; downloaded modules stay in the user's module cache. */
export async function goBuild(command: GoCommand): Promise<void> {
  const buildCache = join(command.dir, 'go-build')
  await runCommand(command.go, command.args, {
    cwd: command.cwd,
    env: { ...goEnvironment, ...command.env, GOCACHE: buildCache },
    ...(command.onLine === undefined ? {} : { onLine: command.onLine }),
  })
  await rm(buildCache, { recursive: true, force: true })
}
