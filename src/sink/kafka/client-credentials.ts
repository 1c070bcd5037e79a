import { Agent, request } from 'undici'
import * as z from 'zod'
import type { Clock } from '../../lib/clock.ts'

export interface ClientCredentialsOptions {
  /** An https URL. */
  readonly tokenEndpoint: string
  readonly scope?: string | undefined
  readonly clock: Clock
  readonly client: () => Promise<{ readonly id: string; readonly secret: string }>
  /** Certificates (PEM) to trust the endpoint by; null: the public authorities. */
  readonly authorities: () => Promise<string[] | null>
}

/** A token is used for new connections during this part of its life: the broker ends a connection with its token (KIP-368). */
const USED_PART_OF_LIFE = 0.7
const TIMEOUT_MS = 10_000
const MAX_RESPONSE_BYTES = 64 * 1024
/** RFC 6749, section 5.2; and 403, of a server that lets no client in. */
const REFUSALS = new Set([400, 401, 403])

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().optional() })
const errorSchema = z.object({ error: z.string().regex(/^[\w.-]{1,64}$/) })

/** Gives tokens to connections that open or authenticate again. */
export interface TokenSource {
  /** @throws Error that names the endpoint and never a secret */
  token(): Promise<string>
  /** The broker does not take this one, whatever is left of its life: its signer has changed, or somebody has revoked it. */
  refused(token: string): void
}

/** The endpoint's answer is no until a person acts. */
class RefusalError extends Error {
  override readonly name = 'RefusalError'
}

/**
 * Tokens by the client credentials grant (RFC 6749, section 4.4): one request for all connections that open during a part of
 * the token's life. While the endpoint fails for now, the token that it gave last is used to its end.
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  const { clock } = options
  let last: { readonly token: string; readonly staleAtMs: number; readonly endsAtMs: number } | null = null
  let asking: Promise<string> | null = null
  const ask = async () => {
    try {
      const { token, lifetimeMs } = await requestToken(options)
      const nowMs = clock.now()
      last = { token, staleAtMs: nowMs + lifetimeMs * USED_PART_OF_LIFE, endsAtMs: nowMs + lifetimeMs }
      return token
    } catch (error) {
      if (last && clock.now() < last.endsAtMs && !(error instanceof RefusalError)) return last.token
      throw error
    } finally {
      asking = null
    }
  }
  return {
    token: async () => {
      if (last && clock.now() < last.staleAtMs) return last.token
      asking ??= ask()
      return asking
    },
    refused: (token) => {
      if (last?.token === token) last = null
    },
  }
}

async function requestToken({ tokenEndpoint, scope, client, authorities }: ClientCredentialsOptions) {
  const [{ id, secret }, ca] = await Promise.all([client(), authorities()])
  const agent = new Agent(ca ? { connect: { ca } } : {})
  try {
    const answer = await post(tokenEndpoint, agent, {
      authorization: `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        ...(scope === undefined ? {} : { scope }),
      }).toString(),
    })
    const parsed = tokenSchema.safeParse(answer)
    if (!parsed.success) throw new Error(`the token endpoint ${tokenEndpoint} answers without an access_token`)
    return { token: parsed.data.access_token, lifetimeMs: (parsed.data.expires_in ?? 0) * 1000 }
  } finally {
    await agent.close()
  }
}

async function post(
  endpoint: string,
  dispatcher: Agent,
  { authorization, body }: { authorization: string; body: string },
): Promise<unknown> {
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const response = await request(endpoint, { method: 'POST', dispatcher, headers, body, signal }).catch((cause) => {
    throw new Error(`the token endpoint ${endpoint} cannot be reached (${cause.code ?? cause.name})`)
  })
  const text = (await response.body.text()).slice(0, MAX_RESPONSE_BYTES)
  const answer = parseJson(text)
  if (response.statusCode === 200) return answer
  const refusal = errorSchema.safeParse(answer)
  const words = `the token endpoint ${endpoint} answers ${response.statusCode}${refusal.success ? ` ${refusal.data.error}` : ''}`
  throw REFUSALS.has(response.statusCode) ? new RefusalError(words) : new Error(words)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** As RFC 6749, section 2.3.1, wants the parts of the header. */
function formEncoded(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2)
}
