import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from 'undici'
import type { ClusterAccess } from '../../src/kube/cluster-access.ts'

/** What the API server does wrong. Every field may be changed while it runs; the defaults do nothing. */
export interface Faults {
  /** Share of requests (not watches) that are refused, and with what; a read that would get an answer to writes goes through. */
  refuse: number
  readonly refusals: { status: number; retryAfterSeconds?: number }[]
  /** Before every answer, in milliseconds. */
  latencyMs: number
  /** Share of watch events after which the connection is cut in the middle of the next line. */
  cut: number
  /** Share of watch events that come twice. */
  repeat: number
  /** Share of watch events after which the server says 410. */
  expire: number
  /** Watch events are held back for so long, and of several for one object only the last one comes. */
  holdMs: number
  /** Whether watches bring nothing but bookmarks, and end; a list is then the only source. */
  bookmarksOnly: boolean
}

const NO_FAULTS: Faults = {
  ...{ refuse: 0, refusals: [], latencyMs: 0, cut: 0, repeat: 0, expire: 0, holdMs: 0, bookmarksOnly: false },
}

interface Line {
  readonly object: { readonly metadata?: { readonly name?: string; readonly namespace?: string } }
}

/** No API server says these to a read: somebody was faster, the object is invalid. */
const ONLY_TO_WRITES = new Set([409, 422])

const EXPIRED = { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old resource version' } }

/** Stands in front of the real API server and spoils what it says. Passes credentials on as they come. */
export class FaultyApiServer {
  readonly faults: Faults = { ...NO_FAULTS, refusals: [] }
  readonly access: ClusterAccess
  readonly #target: ClusterAccess
  readonly #random: () => number
  readonly #agent: Agent
  readonly #server: Server
  /** How often each fault happened. */
  readonly happened: Record<string, number> = {}

  private constructor(target: ClusterAccess, server: Server, random: () => number) {
    this.#target = target
    this.#server = server
    this.#random = random
    this.#agent = new Agent({ connect: { ...target.tls }, connections: 64 })
    this.access = { ...target, server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tls: {} }
    server.on('request', (request, response) => void this.#serve(request, response))
  }

  static async start(target: ClusterAccess, random: () => number): Promise<FaultyApiServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FaultyApiServer(target, server, random)
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await this.#agent.destroy()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const isWatch = request.url?.includes('watch=1') ?? false
    if (this.faults.latencyMs > 0) await delay(this.faults.latencyMs * this.#random())
    const refusal = isWatch ? undefined : this.#refusal(request.method === 'GET')
    if (refusal) return this.#refuse(response, refusal)
    const closed = new AbortController()
    response.once('close', () => closed.abort())
    try {
      const answer = await this.#agent.request({
        origin: this.#target.server,
        path: request.url ?? '/',
        method: (request.method ?? 'GET') as 'GET',
        headers: passedOn(request),
        signal: closed.signal,
        ...(body === '' ? {} : { body }),
      })
      const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers
      response.writeHead(answer.statusCode, headers)
      const isList = request.url?.includes('sendInitialEvents=true') ?? false
      if (isWatch && answer.statusCode === 200) await this.#watch(answer.body, response, isList)
      else response.end(await answer.body.text())
    } catch {
      response.destroy()
    }
  }

  #refusal(isRead: boolean) {
    const { refuse, refusals } = this.faults
    if (refusals.length === 0 || this.#random() >= refuse) return undefined
    const refusal = refusals[Math.floor(this.#random() * refusals.length)]
    return refusal && isRead && ONLY_TO_WRITES.has(refusal.status) ? undefined : refusal
  }

  #refuse(response: ServerResponse, { status, retryAfterSeconds }: Faults['refusals'][number]): void {
    this.#count(`refused ${status}`)
    const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(
      JSON.stringify({ kind: 'Status', status: 'Failure', code: status, reason: 'Test', message: 'a storm' }),
    )
  }

  async #watch(body: AsyncIterable<Uint8Array>, response: ServerResponse, isList: boolean): Promise<void> {
    response.flushHeaders()
    const held = new Map<string, string>()
    const release = () => {
      for (const line of held.values()) response.write(`${line}\n`)
      held.clear()
    }
    const timer = setInterval(release, Math.max(20, this.faults.holdMs))
    // What a streaming list begins with is no news: it comes whole.
    let isNews = !isList
    try {
      for await (const line of lines(body)) {
        if (!isNews || /"type":"(BOOKMARK|ERROR)"/.test(line)) {
          release()
          response.write(`${line}\n`)
          isNews ||= line.includes('k8s.io/initial-events-end')
        } else if (!this.#spoil(line, response, held)) break
      }
      release()
    } finally {
      clearInterval(timer)
      response.end()
    }
  }

  /** @returns false when the watch is over */
  #spoil(line: string, response: ServerResponse, held: Map<string, string>): boolean {
    const { cut, repeat, expire, holdMs, bookmarksOnly } = this.faults
    if (bookmarksOnly) {
      this.#count('withheld')
      return false
    }
    if (holdMs > 0) {
      const { metadata } = (JSON.parse(line) as Line).object
      const key = `${metadata?.namespace}/${metadata?.name}`
      if (held.has(key)) this.#count('merged')
      held.set(key, line)
      return true
    }
    response.write(`${line}\n`)
    if (this.#happens('repeated', repeat)) response.write(`${line}\n`)
    if (this.#happens('expired', expire)) {
      response.write(`${JSON.stringify(EXPIRED)}\n`)
      return false
    }
    if (!this.#happens('cut', cut)) return true
    response.write(line.slice(0, line.length / 2))
    response.destroy()
    return false
  }

  #happens(name: string, share: number): boolean {
    const happens = share > 0 && this.#random() < share
    if (happens) this.#count(name)
    return happens
  }

  #count(name: string): void {
    this.happened[name] = (this.happened[name] ?? 0) + 1
  }
}

function passedOn({ headers }: IncomingMessage): Record<string, string> {
  const names = ['authorization', 'accept', 'content-type', 'user-agent'] as const
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])))
}

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield* parts.filter((part) => part !== '')
  }
}
