import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Stack, StackAddresses } from './stack.ts'

/** What another process needs to use a stack as its own: the addresses, and where it is controlled. */
export interface RemoteStack {
  readonly addresses: StackAddresses
  readonly controlUrl: string
}

export interface ControlServer {
  readonly remote: RemoteStack
  close(): void
}

/**
 * Lets other processes stop and start servers and see pods over HTTP on loopback. The address holds a secret, because
 * every user of this machine can reach loopback.
 */
export async function serveControl(stack: Stack, onStop?: () => void): Promise<ControlServer> {
  const secret = randomBytes(12).toString('hex')
  const server = createServer((request, response) => {
    answer(stack, secret, request, onStop).then(
      (text) => response.end(text),
      (error: Error) => response.writeHead(error instanceof UnknownRequest ? 404 : 500).end(error.message),
    )
  })
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    remote: { addresses: addressesOf(stack), controlUrl: `http://127.0.0.1:${port}/${secret}/` },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

class UnknownRequest extends Error {}

async function answer(stack: Stack, secret: string, request: IncomingMessage, onStop?: () => void): Promise<string> {
  const [, given, ...words] = (request.url ?? '').split('/').map(decodeURIComponent)
  const [noun, a = '', b = '', c = ''] = words
  if (given !== secret) throw new UnknownRequest('unknown address')
  switch (`${request.method} ${noun}`) {
    case 'GET kind':
      return stack.kind
    case 'POST servers':
      await control(stack, a, b, c)
      return ''
    case 'POST kill-pod':
      await stack.killPod(a, b)
      return ''
    case 'GET pod-log':
      return stack.podLog(a, b)
    case 'POST stop':
      onStop?.()
      return ''
    default:
      throw new UnknownRequest(`cannot ${request.method} ${noun}`)
  }
}

async function control(stack: Stack, name: string, action: string, signal: string): Promise<void> {
  const server = stack.servers[name as keyof Stack['servers']]
  if (server === undefined) throw new UnknownRequest(`no server is called ${name}`)
  if (action === 'start') await server.start()
  else await server.stop(signal === '' ? undefined : (signal as NodeJS.Signals))
}

function addressesOf(stack: Stack): StackAddresses {
  const { servers, killPod, podLog, stop, ...addresses } = stack
  return addresses
}
