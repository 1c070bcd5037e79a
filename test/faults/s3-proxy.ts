import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../simulate/random.ts'

/** What may become of one request to S3 and its answer. The first three have no effect, all others have theirs. */
export const S3_MISHAPS = [
  'refused with 503',
  'cut before it was read',
  'half of it written',
  'answer lost',
  'half of the answer written',
  'answered with 500',
  'arrived twice',
  'arrived late',
] as const
export type S3Mishap = (typeof S3_MISHAPS)[number]

/** By what tells them apart; `other`: none of those that write in parts. */
export type S3Operation =
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'other'

/** From a request that nobody waits for any more to its effect: longer than a killed sink needs to be replaced. */
const MOST_LATE_MS = 12_000
/** Of a request, while S3 is no slower than usual. */
export const USUAL_SLOWNESS_MS = 300

export interface S3ProxyOptions {
  readonly seed: number
  readonly mostLateMs?: number
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body: Buffer
}

/** The network between the sinks and S3, and what S3 does on a bad day: an HTTP proxy on loopback. */
export class S3Proxy {
  /** Share of requests that meet a mishap. */
  mishapRate = 0
  /** While true every connection is reset. */
  isDown = false
  /** Most that a request waits before it is passed on, while there are mishaps at all. */
  mostSlowMs = USUAL_SLOWNESS_MS
  /** Hears of every mishap. */
  onMishap: (mishap: S3Mishap, operation: S3Operation) => void = () => {}
  /** Hears of every request of an upload in parts that reaches S3. */
  onPassedOn: (operation: S3Operation) => void = () => {}
  readonly #target: URL
  readonly #random: Random
  readonly #mostLateMs: number
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  readonly #underWay = new Set<Promise<void>>()

  private constructor(target: URL, { seed, mostLateMs = MOST_LATE_MS }: S3ProxyOptions) {
    this.#target = target
    this.#random = new Random(seed)
    this.#mostLateMs = mostLateMs
    this.#server = createServer((req, res) => {
      const handled = this.#handle(req, res).catch(() => void res.destroy())
      this.#underWay.add(handled)
      void handled.finally(() => this.#underWay.delete(handled))
    })
  }

  static async to(endpoint: string, options: S3ProxyOptions): Promise<S3Proxy> {
    const proxy = new S3Proxy(new URL(endpoint), options)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when no request is on its way any more, late ones included. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.isDown) return void res.destroy()
    const operation = operationOf(req)
    const mishap = this.#random.chance(this.mishapRate) ? this.#random.pick(mishapsOf(operation)) : null
    if (mishap) this.onMishap(mishap, operation)
    if (mishap === 'cut before it was read') return void res.destroy()
    const body = Buffer.concat(await req.toArray())
    if (this.mishapRate > 0) await delay(this.mostSlowMs * this.#random.next() ** 2)
    await this.#carryOut(mishap, { req, res, body })
  }

  async #carryOut(mishap: S3Mishap | null, exchange: Exchange): Promise<void> {
    const { req, res } = exchange
    switch (mishap) {
      case 'refused with 503':
        return answer(res, error(503, 'SlowDown'))
      case 'half of it written':
        this.#forwardHalf(exchange)
        return void res.destroy()
      case 'answered with 500':
        await this.#forward(exchange)
        return answer(res, error(500, 'InternalError'))
      case 'answer lost':
        await this.#forward(exchange)
        return void res.destroy()
      case 'half of the answer written':
        await this.#forward(exchange)
        req.socket.end('HTTP/1.1 200 OK\r\nETag: "')
        return
      case 'arrived twice':
        await this.#forward(exchange)
        return answer(res, await this.#forward(exchange))
      case 'arrived late':
        await delay(this.#mostLateMs * this.#random.next() ** 2)
        return answer(res, await this.#forward(exchange))
      default:
        return answer(res, await this.#forward(exchange))
    }
  }

  async #forward(exchange: Exchange): Promise<Answer> {
    const forwarded = this.#request(exchange)
    const operation = operationOf(exchange.req)
    if (operation !== 'other') this.onPassedOn(operation)
    forwarded.end(exchange.body)
    const [response] = (await once(forwarded, 'response')) as [IncomingMessage]
    const body = Buffer.concat(await response.toArray())
    const { connection: _, 'transfer-encoding': __, ...headers } = response.headers
    return { status: response.statusCode ?? 500, headers, body }
  }

  #forwardHalf(exchange: Exchange): void {
    const forwarded = this.#request(exchange)
    forwarded.write(exchange.body.subarray(0, exchange.body.length / 2), () => forwarded.destroy())
  }

  /** The signature covers the host that the client knows, which is ours; it stays as it is. */
  #request({ req: { method, url, headers }, body }: Exchange) {
    const { connection: _, expect: __, 'transfer-encoding': ___, ...others } = headers
    const { hostname, port } = this.#target
    const length = method === 'PUT' || method === 'POST' ? { 'content-length': body.length } : {}
    const forwarded = request({
      hostname,
      port,
      method,
      path: url,
      headers: { ...others, ...length },
      agent: this.#agent,
    })
    // S3 may close the connection after its answer, while the rest of the body is still being written.
    forwarded.on('error', () => {})
    return forwarded
  }
}

function operationOf({ method, url = '' }: IncomingMessage): S3Operation {
  const query = new URL(url, 'http://s3').searchParams
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload'
  if (!query.has('uploadId')) return 'other'
  if (method === 'PUT') return 'UploadPart'
  return method === 'POST' ? 'CompleteMultipartUpload' : 'AbortMultipartUpload'
}

/** An upload that is begun twice has two names, of which its sender learns one: the other would be left, and nobody could know. */
function mishapsOf(operation: S3Operation): readonly S3Mishap[] {
  return operation === 'CreateMultipartUpload' ? S3_MISHAPS.filter((mishap) => mishap !== 'arrived twice') : S3_MISHAPS
}

function answer(res: ServerResponse, { status, headers, body }: Answer): void {
  res.writeHead(status, headers)
  res.end(body)
}

function error(status: number, code: string): Answer {
  const body = Buffer.from(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>on purpose</Message></Error>`)
  return { status, headers: { 'content-type': 'application/xml', 'content-length': String(body.length) }, body }
}
