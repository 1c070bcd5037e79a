import * as z from 'zod'
import type { KubeApi } from '../../../kube/api.ts'
import type { ObjectRef } from '../../../kube/kinds.ts'
import type { Clock } from '../../../lib/clock.ts'
import { describeError } from '../../../lib/errors.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { AccessToken } from '../access-token.ts'
import { bloomFilterOf, fingerprintOf } from '../bloom-filter.ts'
import { Refreshed } from '../refreshed.ts'
import { writeRevocationList } from '../revocation-list.ts'
import { MAX_TOKEN_SECONDS } from './key-ring.ts'
import { SecretDocument } from './secret-document.ts'

/** A Secret holds 1 MiB, an entry is 120 bytes. */
const MAX_TOKENS = 5_000
/** Another replica's revocation counts here after twice this time at the latest. */
const FRESH_MS = 1_000
/** Clocks differ; see access-token.ts. */
const SKEW_SECONDS = 60

const hex = z.string().regex(/^[0-9a-f]+$/)
const schema = z.object({
  /** The fingerprint is for the published list, which is a filter of whole tokens. */
  tokens: z.array(z.object({ tokenId: z.string(), expiresAt: z.number(), fingerprint: z.tuple([hex, hex]) })),
  clients: z.array(z.object({ id: z.string(), revokedAt: z.number() })),
})
type Document = z.infer<typeof schema>
const EMPTY: Document = { tokens: [], clients: [] }

/** What the built-in issuer has revoked, in one Secret, for as long as a token lives. */
export class Revocations {
  readonly #document: SecretDocument<Document>
  readonly #known: Refreshed<Document>
  readonly #clock: Pick<Clock, 'now'>

  constructor(
    api: Pick<KubeApi, 'get' | 'create' | 'replace'>,
    ref: ObjectRef,
    { clock, logger }: { clock: Pick<Clock, 'now' | 'elapsed'>; logger: Logger },
  ) {
    this.#clock = clock
    this.#document = new SecretDocument({ api, ref, key: 'revocations.json', schema, empty: EMPTY })
    this.#known = new Refreshed({
      load: () => this.#document.read(),
      freshMs: FRESH_MS,
      staleMs: 3_600_000,
      retryMs: FRESH_MS,
      clock,
      onError: (error) =>
        logger.warn({ error: describeError(error) }, 'cannot read what is revoked, going on with what is known'),
    })
  }

  async isRevoked({ tokenId, clientId, issuedAt }: AccessToken): Promise<boolean> {
    const { tokens, clients } = await this.#known.get()
    return (
      tokens.some((each) => each.tokenId === tokenId) ||
      clients.some((each) => each.id === clientId && issuedAt <= each.revokedAt)
    )
  }

  async revokeToken({ token, tokenId, expiresAt }: AccessToken): Promise<void> {
    const [h1, h2] = fingerprintOf(token)
    await this.#change((document) => {
      if (tokenId === undefined || document.tokens.some((each) => each.tokenId === tokenId)) return undefined
      if (document.tokens.length >= MAX_TOKENS) throw new Error(`${MAX_TOKENS} living tokens are revoked already`)
      const entry = { tokenId, expiresAt, fingerprint: [h1.toString(16), h2.toString(16)] as [string, string] }
      return { ...document, tokens: [...document.tokens, entry] }
    })
  }

  /** Voids every token that the client has. */
  async revokeClient(id: string): Promise<void> {
    const revokedAt = Math.floor(this.#clock.now() / 1000)
    await this.#change((document) => ({
      ...document,
      clients: [...document.clients.filter((each) => each.id !== id), { id, revokedAt }],
    }))
  }

  /** The document of `/iam/v3/oauth/revocationlist`. */
  async list(): Promise<string> {
    const { tokens, clients } = await this.#known.get()
    return writeRevocationList({
      tokens: bloomFilterOf(tokens.map(({ fingerprint: [h1, h2] }) => [BigInt(`0x${h1}`), BigInt(`0x${h2}`)])),
      users: new Map(clients.map(({ id, revokedAt }) => [id, revokedAt])),
    })
  }

  async #change(change: (document: Document) => Document | undefined): Promise<void> {
    const now = this.#clock.now() / 1000 - SKEW_SECONDS
    const next = await this.#document.update(({ tokens, clients }) =>
      change({
        tokens: tokens.filter(({ expiresAt }) => expiresAt > now),
        clients: clients.filter(({ revokedAt }) => revokedAt + MAX_TOKEN_SECONDS > now),
      }),
    )
    this.#known.set(next)
  }
}
