import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type KeyRing,
  MAX_TOKEN_SECONDS,
  published,
  signingKey,
  wantsKey,
  withKey,
} from '../../../../src/admin/auth/issuer/key-ring.ts'

const MINUTE = 60
const DAY = 86_400
const key = (kid: string) => ({ kid, privateJwk: { kty: 'RSA' as const, n: 'n', e: 'e', d: 'd' } })

describe('a key ring', () => {
  it('signs with its first key at once', () => {
    const ring = withKey([], key('a'), 1_000)
    expect(signingKey(ring, 1_000)?.kid).toBe('a')
    expect(signingKey(ring, 990)?.kid).toBe('a')
    expect(signingKey([], 1_000)).toBeUndefined()
  })

  it('publishes the next key ten minutes before it signs, and the old one until its last token is dead', () => {
    const first = withKey([], key('a'), 0)
    const at = 30 * DAY - 10 * MINUTE
    expect(wantsKey(first, at - 1, 30 * DAY)).toBe(false)
    expect(wantsKey(first, at, 30 * DAY)).toBe(true)
    const ring = withKey(first, key('b'), at)
    expect(wantsKey(ring, at, 30 * DAY)).toBe(false)
    expect(published(ring, at).map(({ kid }) => kid)).toEqual(['a', 'b'])
    expect(signingKey(ring, at + 10 * MINUTE - 1)?.kid).toBe('a')
    expect(signingKey(ring, at + 10 * MINUTE)?.kid).toBe('b')
    const dead = 30 * DAY + MAX_TOKEN_SECONDS + 60 * MINUTE
    expect(published(ring, dead - 1).map(({ kid }) => kid)).toEqual(['a', 'b'])
    expect(published(ring, dead).map(({ kid }) => kid)).toEqual(['b'])
  })

  it('that slept for a year goes on with its old key until others have heard of the next', () => {
    const now = 365 * DAY
    const ring = withKey(withKey([], key('a'), 0), key('b'), now)
    expect(signingKey(ring, now)?.kid).toBe('a')
    expect(signingKey(ring, now + 10 * MINUTE)?.kid).toBe('b')
    expect(published(ring, now + 10 * MINUTE)).toHaveLength(2)
  })

  it('whenever a token was signed, its key is published until the token is dead, and was for ten minutes before', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 * DAY }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: DAY, max: 40 * DAY }), (steps, keySeconds) => {
        let now = 0
        let ring: KeyRing = []
        const signed: { kid: string; at: number }[] = []
        const firstSeen = new Map<string, number>()
        for (const step of steps) {
          now += step
          if (wantsKey(ring, now, keySeconds)) ring = withKey(ring, key(`${now}`), now)
          const shown = published(ring, now).map(({ kid }) => kid)
          for (const kid of shown) if (!firstSeen.has(kid)) firstSeen.set(kid, now)
          for (const { kid, at } of signed) if (now <= at + MAX_TOKEN_SECONDS && !shown.includes(kid)) return false
          const signer = signingKey(ring, now)?.kid ?? ''
          if (signed.length > 0 && signer !== signed[0]?.kid && now - (firstSeen.get(signer) ?? now) < 600) return false
          signed.push({ kid: signer, at: now })
        }
        return true
      }),
    )
  })
})
