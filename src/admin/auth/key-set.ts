import { type CryptoKey, importJWK } from 'jose'
import * as z from 'zod'
import { ALGORITHM, type KeySource } from './access-token.ts'
import type { Refreshed } from './refreshed.ts'

export type KeySet = ReadonlyMap<string, CryptoKey>

/** Members of a public RSA key (RFC 7517, 7518); those that point elsewhere (`x5u`, `jku`) are not read. */
const rsaKey = z.object({
  kty: z.literal('RSA'),
  kid: z.string().min(1),
  n: z.string(),
  e: z.string(),
  use: z.literal('sig').optional(),
  alg: z.literal(ALGORITHM).optional(),
})
/** Bits, for RS256. Source: RFC 7518 §3.3 */
const LEAST_MODULUS = 2048
const keySetSchema = z.object({ keys: z.array(z.unknown()) })

/**
 * The keys of a JWKS that can verify RS256; others are passed over, as RFC 7517 asks for.
 * @throws Error when it is no JWKS, or has no such key
 */
export async function readKeySet(json: string): Promise<KeySet> {
  const { keys } = keySetSchema.parse(JSON.parse(json))
  const usable = await Promise.all(keys.flatMap((key) => rsaKey.safeParse(key).data ?? []).map(imported))
  const set = new Map(usable.flatMap((key) => (key === null ? [] : [key])))
  if (set.size === 0) throw new Error(`the key set has no RSA key for ${ALGORITHM}`)
  return set
}

/** Null for numbers that are no key, or a key that is too short: it must not take the others along. */
async function imported({ kid, kty, n, e }: z.infer<typeof rsaKey>): Promise<readonly [string, CryptoKey] | null> {
  try {
    // Only these members: whatever else a key says of its use cannot change what is imported.
    const key = (await importJWK({ kty, n, e }, ALGORITHM)) as CryptoKey
    const { modulusLength } = key.algorithm as { modulusLength?: number }
    return (modulusLength ?? 0) < LEAST_MODULUS ? null : [kid, key]
  } catch {
    return null
  }
}

/** Keys by name, in a set that is kept fresh; a name that is not in it makes it load anew, at most every few seconds. Where that fails nobody can tell. */
export function keysFrom(set: Refreshed<KeySet>): KeySource {
  return {
    keyOf: async (kid) => (await set.get()).get(kid) ?? (await set.refresh()).get(kid),
  }
}
