import { existsSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { type RemoteStack, serveControl } from '../stack/control-server.ts'
import { startStack } from '../stack/stack.ts'
import { paths, readStackFolder } from '../stack/stack-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** For `connectStack` of test/stack/remote.ts. */
    readonly stack: RemoteStack
  }
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
  return async () => {
    control.close()
    await stack.stop()
  }
}

async function reuse(project: TestProject): Promise<() => Promise<void>> {
  const stack = await readStackFolder()
  if (stack === undefined) throw new Error('REUSE_STACK=1, but no servers are up: run npm run stack:up first')
  project.provide('stack', stack)
  return async () => undefined
}
