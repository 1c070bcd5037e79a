import type { TestProject } from 'vitest/node'
import { serveControl } from '../stack/control-server.ts'
import { currentRun } from './run.ts'
import { startImageStack } from './start-image-stack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly containerdSocket: string
  }
}

/** Starts the node inside the namespaces of `npm run test:image`. Should the start fail, they end what it began. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = (line: string) => console.log(`[image] ${line}`)
  const stack = await startImageStack(currentRun(), { progress })
  const control = await serveControl(stack)
  project.provide('stack', control.remote)
  project.provide('containerdSocket', stack.containerdSocket)
  return async () => {
    control.close()
    await stack.stop()
  }
}
