import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
}

/** How S3 says that an object is written. */
export const WRITTEN: Answer = { status: 200, headers: { etag: '"e"' } }

/**
 * A server on a free port that writes down what it is asked and answers as it is told; ends with the test.
 * @param tls what it shows itself with; absent: plain http
 */
export async function recordingServer(answerTo: (asked: Asked) => Answer, tls?: { key: Buffer; cert: Buffer }) {
  const asked: Asked[] = []
  const handle: RequestListener = async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const each = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') }
    asked.push(each)
    const { status, body = '', headers: answerHeaders = {} } = answerTo(each)
    response.writeHead(status, { 'content-type': 'application/xml', ...answerHeaders }).end(body)
  }
  const server = tls ? createTlsServer(tls, handle) : createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, origin: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
