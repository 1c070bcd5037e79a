import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'
import { type RemoteStack, serveControl } from '../stack/control-server.ts'
import { startStack } from '../stack/stack.ts'
import { paths, readStackFolder } from '../stack/stack-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** For `connectStack` of test/stack/remote.ts. */
    readonly stack: RemoteStack
    readonly run: Run
  }
}

/** What a test that is about the whole run needs to know of it. */
export interface Run {
  /** Whether every test of the project runs, and none is left out by an argument. */
  readonly isWhole: boolean
  /** Where the part of the API server's audit log begins that is of this run, in bytes. */
  readonly auditLogFrom: number
}

/**
 * Starts the servers once for all test files of the project and ends them afterwards. With REUSE_STACK=1 the tests
 * run on the ones of `npm run stack:up` instead, which saves the start while one writes tests.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.env.REUSE_STACK === '1') return reuse(project)
  const progress = (line: string) => console.log(`[stack] ${line}`)
  const stack = await startStack({ progress, ...(existsSync(paths.crds) ? { crds: paths.crds } : {}) })
  const control = await serveControl(stack)
  project.provide('stack', control.remote)
  project.provide('run', await describeRun(project, control.remote))
  return async () => {
    control.close()
    await stack.stop()
  }
}

async function reuse(project: TestProject): Promise<() => Promise<void>> {
  const stack = await readStackFolder()
  if (stack === undefined) throw new Error('REUSE_STACK=1, but no servers are up: run npm run stack:up first')
  project.provide('stack', stack)
  project.provide('run', await describeRun(project, stack))
  return async () => undefined
}

async function describeRun(project: TestProject, { addresses }: RemoteStack): Promise<Run> {
  const running = project.vitest.state.getPaths()
  const { testFiles } = await project.globTestFiles()
  const isWhole = !project.vitest.config.testNamePattern && testFiles.every((path) => running.includes(path))
  const { size = 0 } = addresses.auditLogPath ? await stat(addresses.auditLogPath) : {}
  return { isWhole, auditLogFrom: size }
}
