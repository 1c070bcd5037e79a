import * as z from 'zod'
import type { AccessToken } from './access-token.ts'
import { type BloomFilter, mightContain } from './bloom-filter.ts'

/** What is revoked, as `/iam/v3/oauth/revocationlist` says it. */
export interface RevocationList {
  readonly tokens: BloomFilter
  /** User id (or, of a client's own tokens, client id) to seconds since the epoch: what was issued until then is void. */
  readonly users: ReadonlyMap<string, number>
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text) / 1000)
/** Both are always there, null (a Go service's empty list) where nothing is revoked: in somebody else's JSON, such as a gateway's, neither is. */
const schema = z.object({
  revoked_tokens: z.object({ bits: z.array(z.bigint()).nullish(), k: z.int().min(1).max(100) }).nullable(),
  revoked_users: z.array(z.object({ id: z.string(), revoked_at: time })).nullable(),
})

/** Words of 64 bits do not fit into a JavaScript number, so they are read from the text of the document. */
function exactBits(this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' &&
    Array.isArray(this) &&
    context?.source &&
    /^\d+$/.test(context.source) &&
    key !== ''
    ? BigInt(context.source)
    : value
}

/** @throws Error when it is no revocation list */
export function readRevocationList(json: string): RevocationList {
  const { revoked_tokens, revoked_users } = schema.parse(JSON.parse(json, exactBits))
  return {
    tokens: { bits: revoked_tokens?.bits ?? [], k: revoked_tokens?.k ?? 1 },
    users: new Map((revoked_users ?? []).map(({ id, revoked_at }) => [id, revoked_at])),
  }
}

/** The document that `readRevocationList` reads, and the SDKs of AccelByte. */
export function writeRevocationList({ tokens, users }: RevocationList): string {
  const bits = `[${tokens.bits.join(',')}]`
  const records = [...users].map(([id, at]) => ({ id, revoked_at: new Date(at * 1000).toISOString() }))
  const filter = `{"m":${tokens.bits.length * 64},"k":${tokens.k},"bits":${bits}}`
  return `{"revoked_tokens":${filter},"revoked_users":${JSON.stringify(records)}}`
}

export function isRevoked(list: RevocationList, { token, userId, clientId, issuedAt }: AccessToken): boolean {
  const voidUntil = list.users.get(userId ?? clientId ?? '') ?? Number.NEGATIVE_INFINITY
  return issuedAt <= voidUntil || mightContain(list.tokens, token)
}
