import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { KubeApi } from '../../../kube/api.ts'
import type { ObjectRef } from '../../../kube/kinds.ts'
import type { Permission } from '../permissions.ts'
import { SecretDocument } from './secret-document.ts'
import { hashSecret, isSecretOf, NOBODYS_HASH } from './secret-hash.ts'

/** A Secret holds 1 MiB, a client needs a few hundred bytes. */
const MAX_CLIENTS = 1_000
const CLIENT_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

const clientSchema = z.object({
  id: z.string(),
  hash: z.string(),
  permissions: z.array(z.object({ resource: z.string(), actions: z.number() })),
  createdAt: z.string(),
})
export type Client = z.infer<typeof clientSchema>

export interface NewClient {
  readonly id: string
  /** Told once: only its hash is kept. */
  readonly secret: string
}

/** The person's request cannot be done; the message says why. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
}

/** The clients of the built-in issuer, in one Secret. */
export class Clients {
  readonly #document: SecretDocument<Client[]>

  constructor(api: Pick<KubeApi, 'get' | 'create' | 'replace'>, ref: ObjectRef) {
    this.#document = new SecretDocument({ api, ref, key: 'clients.json', schema: z.array(clientSchema), empty: [] })
  }

  list(): Promise<readonly Client[]> {
    return this.#document.read()
  }

  /**
   * @param id absent: a random one
   * @throws ClientError
   */
  async create(
    permissions: readonly Permission[],
    nowMs: number,
    id = randomBytes(16).toString('hex'),
  ): Promise<NewClient> {
    if (!CLIENT_ID.test(id)) {
      throw new ClientError(`"${id}" is no client id: 1 to 63 small letters, digits and hyphens, no hyphen at the ends`)
    }
    const secret = randomBytes(32).toString('base64url')
    const createdAt = new Date(nowMs).toISOString()
    const client = { id, hash: await hashSecret(secret), permissions: [...permissions], createdAt }
    await this.#document.update((clients) => {
      if (clients.some((each) => each.id === id)) throw new ClientError(`there is a client "${id}" already`)
      if (clients.length >= MAX_CLIENTS)
        throw new ClientError(`there are ${MAX_CLIENTS} clients, the most there can be`)
      return [...clients, client]
    })
    return { id, secret }
  }

  /** @throws ClientError when there is none of this id */
  async delete(id: string): Promise<void> {
    await this.#document.update((clients) => {
      const others = clients.filter((each) => each.id !== id)
      if (others.length === clients.length) throw new ClientError(`there is no client "${id}"`)
      return others
    })
  }

  /** The client, if the secret is its own; unknown clients cost as much time as wrong secrets. */
  async authenticate(id: string, secret: string): Promise<Client | undefined> {
    const client = (await this.list()).find((each) => each.id === id)
    const isRight = await isSecretOf(client?.hash ?? NOBODYS_HASH, secret)
    return isRight ? client : undefined
  }
}
