import { Agent } from 'undici'
import * as z from 'zod'
import type { Clock } from '../../lib/clock.ts'

const TIMEOUT_MS = 5_000
/** Most bytes of an answer: a revocation list of 300,000 tokens has about 1.5 MB. */
const MAX_ANSWER_BYTES = 8 << 20
/** A token of ours is replaced when so much of its life is over. */
const TOKEN_USED = 0.8
/** Until when a token can be used that is still asked for. */
const UNKNOWN = Number.POSITIVE_INFINITY

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().min(0) })

interface Client {
  readonly id: string
  /** As it is by now: it is renewed. */
  readonly secret: () => string
}

export interface IamServiceOptions {
  /** Base of the service's endpoints, such as `https://demo.example.com/iam`. */
  readonly url: string
  /** Of this service itself; for roles, and for IAM services that want it for their keys too. */
  readonly client?: Client
  readonly clock: Pick<Clock, 'elapsed'>
}

/** The answer was not a success. */
export class IamServiceError extends Error {
  override readonly name = 'IamServiceError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Asks an IAM service. Redirects are not followed: the configuration alone says who is asked. */
export class IamService {
  readonly #options: IamServiceOptions
  readonly #agent = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  #token: { readonly value: Promise<string>; usedUntilMs: number } | undefined

  constructor(options: IamServiceOptions) {
    this.#options = options
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  /** A public document (keys, revocation list), as text. */
  getPublic(path: string): Promise<string> {
    const { client } = this.#options
    return this.#request('GET', path, client === undefined ? {} : { authorization: basic(client) })
  }

  /** What only clients with the right permission may read; asked with a token of our own. */
  async getAsClient(path: string): Promise<string> {
    const token = this.#ownToken()
    try {
      return await this.#request('GET', path, { authorization: `Bearer ${await token.value}` })
    } catch (error) {
      // None could be had, or it was revoked: the next question is asked with a new one.
      const isRefused = error instanceof IamServiceError && error.status === 401
      if (this.#token === token && (isRefused || token.usedUntilMs === UNKNOWN)) this.#token = undefined
      throw error
    }
  }

  /** One token for everybody who asks at the same time, until it is nearly over. */
  #ownToken(): { readonly value: Promise<string>; usedUntilMs: number } {
    if (this.#token !== undefined && this.#options.clock.elapsed() < this.#token.usedUntilMs) return this.#token
    const answer = this.#askForToken()
    const token = { value: answer.then(({ access_token }) => access_token), usedUntilMs: UNKNOWN }
    answer.then(
      ({ expires_in }) => {
        token.usedUntilMs = this.#options.clock.elapsed() + expires_in * 1000 * TOKEN_USED
      },
      () => {},
    )
    this.#token = token
    return token
  }

  async #askForToken(): Promise<z.infer<typeof tokenAnswer>> {
    const { client } = this.#options
    if (client === undefined) throw new Error('no client of our own is configured (auth.iam.clientId)')
    const headers = { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' }
    return tokenAnswer.parse(
      JSON.parse(await this.#request('POST', '/v3/oauth/token', headers, 'grant_type=client_credentials')),
    )
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body: string | null = null,
  ): Promise<string> {
    const { origin, pathname } = new URL(this.#options.url)
    const whole = pathname.replace(/\/$/, '') + path
    const signal = AbortSignal.timeout(2 * TIMEOUT_MS)
    const response = await this.#agent.request({ origin, path: whole, method, headers, body, signal })
    const text = await response.body.text()
    if (response.statusCode === 200) return text
    throw new IamServiceError(response.statusCode, `${method} ${origin}${whole}: HTTP ${response.statusCode}`)
  }
}

function basic({ id, secret }: Client): string {
  return `Basic ${Buffer.from(`${id}:${secret()}`).toString('base64')}`
}
