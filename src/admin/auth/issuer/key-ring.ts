import * as z from 'zod'

/** Longest life of a token that the configuration allows. */
export const MAX_TOKEN_SECONDS = 86_400
/** From a key's publication to its first signature: every replica and every verifier has read it by then. */
const PUBLISHED_BEFORE_SECONDS = 600
/** A replica that has not heard of a newer key signs with the old one for so long at most. */
const UNHEARD_SECONDS = 3_600

export const signingKeySchema = z.object({
  kid: z.string(),
  /** The whole key, as a JWK (RFC 7517). */
  privateJwk: z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string(), d: z.string() }),
  /** Seconds since the epoch. */
  signsFrom: z.number(),
})
export type SigningKey = z.infer<typeof signingKeySchema>
/** In the order of `signsFrom`: each key signs until the next one does. */
export type KeyRing = readonly SigningKey[]

/** The key to sign with, undefined while there is none. */
export function signingKey(ring: KeyRing, now: number): SigningKey | undefined {
  return ring.findLast(({ signsFrom }) => signsFrom <= now) ?? ring[0]
}

/** Whether it is time for the next key. */
export function wantsKey(ring: KeyRing, now: number, keySeconds: number): boolean {
  const newest = ring.at(-1)
  return newest === undefined || now >= newest.signsFrom + keySeconds - PUBLISHED_BEFORE_SECONDS
}

/** The ring with one more key, which signs later, and without those whose last token is dead. The first key of all signs at once. */
export function withKey(ring: KeyRing, key: Omit<SigningKey, 'signsFrom'>, now: number): SigningKey[] {
  const signsFrom = ring.length === 0 ? now : now + PUBLISHED_BEFORE_SECONDS
  return [...published(ring, now), { ...key, signsFrom }]
}

/** The keys that a living token may be signed with, and the one that signs next. */
export function published(ring: KeyRing, now: number): KeyRing {
  return ring.filter((_, i) => {
    const next = ring[i + 1]
    return next === undefined || now < next.signsFrom + UNHEARD_SECONDS + MAX_TOKEN_SECONDS
  })
}
