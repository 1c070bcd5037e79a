import { connect, type Socket } from 'node:net'

/** A sink's status has at most a few hundred KiB, where a thousand partitions have lost something. Anything longer is no status, and not worth the memory. */
const MAX_ANSWER_BYTES = 1_048_576

/**
 * Makes a function that GETs a URL and parses the JSON of its answer, each time over a connection of its own: a kept connection (and
 * a client for each of them) costs more memory than everything else that is known of a pod, and an address may be another pod's tomorrow.
 *
 * It speaks just the HTTP/1.1 that a sink (src/lib/http-server.ts) answers with, over a plain socket: one request, one answer with a
 * Content-Length, the end. node:http costs 2.5 times the processor time for that, and asking pods is nearly all that an operator does.
 */
export function jsonGetter(): {
  /** @throws Error for anything but a 200 with JSON; the signal's reason when it aborts */
  getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  /** Ends what is under way. */
  close: () => void
} {
  const open = new Set<Socket>()
  const getJson = async (url: string, signal: AbortSignal) => {
    const { hostname, port, host, pathname } = new URL(url)
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) })
    open.add(socket)
    const abort = () => socket.destroy(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n`)
      return parseAnswer(await readToEnd(socket))
    } finally {
      signal.removeEventListener('abort', abort)
      open.delete(socket)
    }
  }
  const close = () => {
    for (const socket of open) socket.destroy(new Error('the operator ends'))
  }
  return { getJson, close }
}

function readToEnd(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) socket.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`))
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(Buffer.concat(chunks, bytes)))
  })
}

function parseAnswer(answer: Buffer): unknown {
  if (answer.length === 0) throw new Error('the connection was closed without an answer')
  const headEnd = answer.indexOf('\r\n\r\n')
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString('latin1', 0, 12)) ?? []
  if (headEnd === -1 || status === undefined) throw new Error('the answer is no HTTP, or was cut off')
  if (status !== '200') throw new Error(`HTTP ${status}`)
  const head = answer.toString('latin1', 0, headEnd)
  const body = answer.subarray(headEnd + 4)
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
  if (Number(length) !== body.length)
    throw new Error(`${body.length} bytes of an answer of ${length ?? 'unknown length'}`)
  return JSON.parse(body.toString())
}
