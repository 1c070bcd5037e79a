import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

export interface S3FrontOptions {
  /** What it shows itself with; absent: plain http. */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer }
  /** Sees each request; false: it gets no further, and no answer. */
  readonly passes: (req: IncomingMessage) => boolean
}

/** An S3 server as a sink reaches it by another address. What comes in goes on as it is, the host that is signed included. */
export class S3Front {
  readonly endpoint: string
  readonly #server: Server

  private constructor(endpoint: string, server: Server) {
    this.endpoint = endpoint
    this.#server = server
  }

  /** At the address of the server behind it. */
  static async to(endpoint: string, { tls, passes }: S3FrontOptions): Promise<S3Front> {
    const { hostname, port } = new URL(endpoint)
    const handle = (req: IncomingMessage, res: ServerResponse) => {
      if (!passes(req)) return void req.resume()
      const { method, url: path, headers } = req
      const onward = request({ hostname, port, method, path, headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 500, answer.headers)
        pipeline(answer, res).catch(() => {})
      })
      pipeline(req, onward).catch(() => res.destroy())
    }
    const server = tls ? createTlsServer(tls, handle) : createServer(handle)
    await once(server.listen(0, hostname), 'listening')
    return new S3Front(`${tls ? 'https' : 'http'}://${hostname}:${(server.address() as AddressInfo).port}`, server)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
