import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ApiError } from './api-error.ts'

/** What Node.js finds before there is a request, beside that it cannot be read. Source: `server.on('clientError')`, Node.js documentation. */
const CLIENT_ERRORS: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the head of the request is too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the request took too long' },
}

/** Connections on which nothing can be said: the client has gone, or there is no TLS on it (yet). */
const UNSPEAKABLE = /^(ECONNRESET|ERR_TLS_|ERR_SSL_)/

/** For what is no HTTP, before there is a request. Says so and closes: a connection that only we have ended would stay open for as long as its client likes. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || UNSPEAKABLE.test(error.code ?? '')) {
    socket.destroy()
    return
  }
  const refusal = CLIENT_ERRORS[error.code ?? '']
  const { status, body } = new ApiError('malformedRequest', refusal?.message ?? 'the request is malformed')
  const code = refusal?.status ?? status
  const text = JSON.stringify(body)
  const head = `content-type: application/json; charset=utf-8\r\ncontent-length: ${text.length}\r\nconnection: close`
  socket.write(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${head}\r\n\r\n${text}`)
  socket.destroySoon()
}
