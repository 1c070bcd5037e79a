import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Stack } from '../stack/stack.ts'
import { stackEnvironment } from './kubectl.ts'

/** The API server's own words, without a process for each request. */
export interface ApiServer {
  /** The Status or object that the server answers with. */
  post(path: string, body: unknown): Promise<{ readonly code: number; readonly message: string }>
  close(): Promise<void>
}

/** Opens `kubectl proxy` on a free port. */
export async function openApiServer(stack: Stack): Promise<ApiServer> {
  const proxy = spawn('kubectl', ['proxy', '--port=0'], {
    env: stackEnvironment(stack),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(proxy, 'exit')
  const [line] = (await once(createInterface(proxy.stdout), 'line')) as [string]
  const origin = `http://${line.replace('Starting to serve on ', '')}`
  return {
    post: async (path, body) => {
      const response = await fetch(origin + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const { message = '' } = (await response.json()) as { message?: string }
      return { code: response.status, message }
    },
    close: async () => {
      proxy.kill()
      await ended
    },
  }
}
