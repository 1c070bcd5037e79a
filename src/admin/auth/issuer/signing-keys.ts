import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose'
import * as z from 'zod'
import type { KubeApi } from '../../../kube/api.ts'
import type { ObjectRef } from '../../../kube/kinds.ts'
import type { Clock } from '../../../lib/clock.ts'
import { describeError } from '../../../lib/errors.ts'
import type { Logger } from '../../../lib/logger.ts'
import { ALGORITHM, type KeySource } from '../access-token.ts'
import { Refreshed } from '../refreshed.ts'
import {
  type KeyRing,
  published,
  type SigningKey,
  signingKey,
  signingKeySchema,
  wantsKey,
  withKey,
} from './key-ring.ts'
import { SecretDocument } from './secret-document.ts'

export interface SigningKeysOptions {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'replace'>
  readonly ref: ObjectRef
  /** A key is replaced after so long. */
  readonly keySeconds: number
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
  readonly logger: Logger
}

/** The keys of the built-in issuer. They are in one Secret; whichever replica finds that it is time writes the next one. */
export class SigningKeys implements KeySource {
  readonly #options: SigningKeysOptions
  readonly #document: SecretDocument<SigningKey[]>
  readonly #ring: Refreshed<KeyRing>
  /** By key id and half: importing takes longer than signing. */
  readonly #imported = new Map<string, Promise<CryptoKey>>()

  constructor(options: SigningKeysOptions) {
    const { api, ref, clock, logger } = options
    this.#options = options
    this.#document = new SecretDocument({ api, ref, key: 'keys.json', schema: z.array(signingKeySchema), empty: [] })
    this.#ring = new Refreshed<KeyRing>({
      load: () => this.#document.read(),
      freshMs: 30_000,
      staleMs: 3_600_000,
      retryMs: 2_000,
      clock,
      onError: (error) =>
        logger.warn({ error: describeError(error) }, 'cannot read the signing keys, going on with those known'),
    })
  }

  /** @throws KubeApiError */
  async signer(): Promise<{ kid: string; key: CryptoKey }> {
    const now = this.#now()
    const ring = await this.#current()
    const key = signingKey(ring, now)
    if (key === undefined) throw new Error('there is no signing key')
    return { kid: key.kid, key: await this.#import(key, 'private') }
  }

  async keyOf(kid: string): Promise<CryptoKey | undefined> {
    const find = (ring: KeyRing) => published(ring, this.#now()).find((each) => each.kid === kid)
    const key = find(await this.#ring.get()) ?? find(await this.#ring.refresh())
    return key && this.#import(key, 'public')
  }

  /** The public keys as `/iam/v3/oauth/jwks` answers them. */
  async keySet(): Promise<{ keys: object[] }> {
    const ring = published(await this.#current(), this.#now())
    const keys = ring.map(({ kid, privateJwk: { kty, n, e } }) => ({ kty, use: 'sig', alg: ALGORITHM, kid, n, e }))
    return { keys }
  }

  /** The ring, with the next key in it when it is time for one. */
  async #current(): Promise<KeyRing> {
    const ring = await this.#ring.get()
    const now = this.#now()
    const { keySeconds, logger } = this.#options
    if (!wantsKey(ring, now, keySeconds)) return ring
    const key = await newKey()
    const next = await this.#document.update((current) =>
      wantsKey(current, now, keySeconds) ? withKey(current, key, now) : undefined,
    )
    this.#ring.set(next)
    if (next.some(({ kid }) => kid === key.kid)) logger.info({ kid: key.kid }, 'made a new signing key')
    return next
  }

  #import({ kid, privateJwk }: SigningKey, half: 'public' | 'private'): Promise<CryptoKey> {
    const { kty, n, e } = privateJwk
    const name = `${half} ${kid}`
    const known = this.#imported.get(name)
    if (known !== undefined) return known
    const imported = importJWK(half === 'public' ? { kty, n, e } : privateJwk, ALGORITHM) as Promise<CryptoKey>
    this.#imported.set(name, imported)
    return imported
  }

  #now(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }
}

async function newKey(): Promise<Omit<SigningKey, 'signsFrom'>> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true, modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  // The thumbprint of RFC 7638: a name that follows from the key.
  return signingKeySchema.omit({ signsFrom: true }).parse({ kid: await calculateJwkThumbprint(jwk), privateJwk: jwk })
}
