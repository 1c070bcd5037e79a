import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Stack } from '../stack/stack.ts'
import { stackEnvironment } from './kubectl.ts'

export interface ForwardedPort {
  readonly url: string
  close(): Promise<void>
}

/**
 * `kubectl port-forward`, from any free port of this machine.
 *
 * @param target such as `service/NAME`
 */
export async function forwardPort(
  stack: Stack,
  namespace: string,
  target: string,
  port: number,
): Promise<ForwardedPort> {
  const child: ChildProcess = spawn('kubectl', ['port-forward', '-n', namespace, target, `:${port}`], {
    env: stackEnvironment(stack),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null) throw new Error('kubectl has no output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const local = /:(\d+) ->/.exec(line)?.[1]
  return {
    url: `http://127.0.0.1:${local}`,
    close: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
