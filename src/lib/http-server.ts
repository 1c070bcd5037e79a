import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openLoopback } from './loopback.ts'
import { sharedRead } from './shared-read.ts'

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Answers GET by path. */
export type HttpRoutes = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>

export interface HttpEndpoint {
  /** The port that was bound: the one asked for, or a free one for 0. */
  readonly port: number
  close(): Promise<void>
}

export function textAnswer(status: number, text: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` }
}

export function jsonAnswer(body: unknown): HttpAnswer {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

/**
 * Serves health, status and metrics: GET (and HEAD) on fixed paths, nothing else.
 *
 * @param address empty for all interfaces
 * @param port 0 for any free port
 * @param portFlag the flag by which the port was given, for the message
 * @throws Error where the address cannot be listened on; `cause` is the error of `listen`, such as EADDRINUSE
 */
export async function serveHttp(
  address: string,
  port: number,
  routes: HttpRoutes,
  portFlag = '--port',
): Promise<HttpEndpoint> {
  const shared = sharedAnswers(routes)
  const server = createServer((request, response) => {
    void answerTo(request.method, request.url, shared).then(({ status, contentType, body }) => {
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
      response.end(request.method === 'HEAD' ? undefined : body)
    })
  })
  await listen(server, { address, port, portFlag })
  const closeLoopback = await openLoopback(server, address)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        closeLoopback()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** One packet can ask for the metrics a thousand times: all who ask while an answer is made share the next one. */
function sharedAnswers(routes: HttpRoutes): HttpRoutes {
  return Object.fromEntries(Object.entries(routes).map(([path, route]) => [path, sharedRead(async () => route())]))
}

async function answerTo(method = 'GET', url = '/', routes: HttpRoutes): Promise<HttpAnswer> {
  const path = url.split('?')[0] ?? '/'
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  if (!route) return textAnswer(404, `not found; there are ${Object.keys(routes).join(', ')}`)
  if (method !== 'GET' && method !== 'HEAD') return textAnswer(405, 'only GET')
  try {
    return await route()
  } catch (error) {
    return textAnswer(500, error instanceof Error ? error.message : String(error))
  }
}

function listen(
  server: Server,
  { address, port, portFlag }: { readonly address: string; readonly port: number; readonly portFlag: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error) => {
      const place = `${address || 'any address'}, port ${port}`
      reject(new Error(`cannot listen on ${place} (--listen-address and ${portFlag} choose another)`, { cause }))
    }
    server.once('error', refuse)
    server.listen({ port, ...(address ? { host: address } : {}) }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}
