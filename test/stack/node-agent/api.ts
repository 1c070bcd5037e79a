import { Agent, request } from 'undici'
import type { Connection } from './kubeconfig.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A non-2xx answer of the API server, with the message of its Status object. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

/** The API server as one identity. Every call is a promise of parsed JSON; nothing is retried here. */
export interface Api {
  readonly connection: Connection
  /** PATCH bodies are strategic merge patches. Rejects with ApiError, or with the network's own error. */
  call<T>(method: Method, path: string, body?: unknown): Promise<T>
  /** One JSON value a line until the server ends the stream (a watch). Rejects like `call`. */
  lines(path: string, signal: AbortSignal): AsyncGenerator<unknown>
  close(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 10_000
/** Bookmarks arrive every minute or so: a watch silent for longer is dead. */
const WATCH_SILENCE_MS = 150_000

export function createApi(connection: Connection): Api {
  const { ca, clientCertificate: cert, clientKey: key, token, server } = connection
  const dispatcher = new Agent({ connect: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } })
  const headers = (method: Method): Record<string, string> => ({
    accept: 'application/json',
    ...(token && { authorization: `Bearer ${token}` }),
    'content-type': method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json',
  })

  async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const response = await request(server + path, {
      method,
      dispatcher,
      headers: headers(method),
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.body.text()
    if (response.statusCode >= 300) throw errorOf(response.statusCode, text)
    return JSON.parse(text) as T
  }

  async function* lines(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
    const response = await request(server + path, {
      dispatcher,
      headers: headers('GET'),
      signal,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: WATCH_SILENCE_MS,
    })
    if (response.statusCode >= 300) throw errorOf(response.statusCode, await response.body.text())
    let rest = ''
    response.body.setEncoding('utf8')
    for await (const chunk of response.body) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) yield JSON.parse(part)
    }
  }

  return { connection, call, lines, close: () => dispatcher.destroy() }
}

function errorOf(status: number, text: string): ApiError {
  try {
    const { message } = JSON.parse(text) as { message?: string }
    return new ApiError(status, message ?? text)
  } catch {
    return new ApiError(status, text.slice(0, 500))
  }
}

/** True when the API server answered with this HTTP status. */
export function isStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof ApiError && statuses.includes(error.status)
}

/** The message of an error and of what caused it: undici hides `connect ECONNREFUSED` in the cause. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
