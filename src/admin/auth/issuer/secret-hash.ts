import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number }, Buffer>(scrypt)
/**
 * 16 MiB and some 40 ms for each try. The secrets are 256 random bits of our own making, which nobody guesses from a hash; the
 * cost is for those that a later version may let people choose.
 */
const COST = { N: 16_384, r: 8, p: 1 }
const KEY_BYTES = 32

/** `scrypt$N$r$p$salt$key`, base64url. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(secret, salt, KEY_BYTES, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Of no secret: what an unknown client's is compared with, so that it takes as long as a known one's. */
export const NOBODYS_HASH = `scrypt$${COST.N}$${COST.r}$${COST.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** Compares in constant time. @throws Error for a hash that `hashSecret` did not make */
export async function isSecretOf(hash: string, secret: string): Promise<boolean> {
  const [scheme, N, r, p, salt = '', key = ''] = hash.split('$')
  const expected = Buffer.from(key, 'base64url')
  if (scheme !== 'scrypt' || expected.length !== KEY_BYTES) throw new Error('a stored hash is of an unknown kind')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), KEY_BYTES, cost)
  return timingSafeEqual(actual, expected)
}
