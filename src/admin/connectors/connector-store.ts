import type { KubeApi } from '../../kube/api.ts'
import {
  type Connector,
  type ConnectorIds,
  claimedId,
  holderOf,
  type IdentifiedConnector,
} from '../../kube/connector-ids.ts'
import { isRightMissing, KubeApiError } from '../../kube/errors.ts'
import { CONNECTORS, type ObjectRef } from '../../kube/kinds.ts'
import { whereAllowed } from '../../kube/where-allowed.ts'
import { sharedRead } from '../../lib/shared-read.ts'
import { ConnectorReader } from './connector-reader.ts'

/** Most places that are remembered: a hundred bytes each. */
const MAX_PLACES = 20_000

export interface ConnectorStoreOptions {
  readonly api: Pick<KubeApi, 'get' | 'list'>
  readonly ids: Pick<ConnectorIds, 'find' | 'ensure'>
  /** Where connectors are; absent: every namespace. */
  readonly namespaces: readonly string[] | undefined
}

/**
 * Connectors as the API server has them at the moment of the question: every answer is read after it was asked for
 * (docs/decisions/0004-rest-api-over-the-resources.md). What is kept, where an id was last found and what a list read last, is checked with
 * the API server at each use.
 */
export class ConnectorStore {
  readonly #options: ConnectorStoreOptions
  readonly #places = new Map<number, ObjectRef>()
  readonly #readers: readonly ConnectorReader[]

  /** Every connector, by id. One that has no id yet (made by kubectl a moment ago) is given one. */
  readonly all: () => Promise<readonly IdentifiedConnector[]> = sharedRead(() => this.#readAll())

  constructor(options: ConnectorStoreOptions) {
    this.#options = options
    this.#readers = (options.namespaces ?? [undefined]).map((namespace) => new ConnectorReader(options.api, namespace))
  }

  /** The connector with this id. */
  async byId(id: number): Promise<Connector | undefined> {
    const known = await this.#lastFound(id)
    if (known && claimedId(known) === id) return isThere(known) ? known : undefined
    const found = await this.#options.ids.find(id)
    if (!found || !isThere(found)) return undefined
    this.#remember(id, found)
    return found
  }

  /** What is where an id was last found; nothing where the right to look there has gone, as it does with its namespace. */
  async #lastFound(id: number): Promise<Connector | undefined> {
    const place = this.#places.get(id)
    try {
      return place && (await this.#options.api.get(CONNECTORS, place))
    } catch (error) {
      if (isRightMissing(error)) return undefined
      throw error
    }
  }

  async #readAll(): Promise<IdentifiedConnector[]> {
    const connectors = (await whereAllowed(this.#readers.map((reader) => reader.read()))).flat().filter(isThere)
    const claims = Map.groupBy(connectors, claimedId)
    const identified = await Promise.all(
      connectors.map((connector) => {
        const id = claimedId(connector)
        const isHolder = id !== undefined && holderOf(id, claims.get(id) ?? []) === connector
        return isHolder ? { id, connector } : this.#identify(connector)
      }),
    )
    return identified.filter((each) => each !== undefined).sort((a, b) => a.id - b.id)
  }

  /** undefined when the connector is gone, or still changes: the next question sees it. */
  async #identify(connector: Connector): Promise<IdentifiedConnector | undefined> {
    const { namespace = '', name } = connector.metadata
    try {
      return await this.#options.ids.ensure(connector)
    } catch (error) {
      if (!(error instanceof KubeApiError) || ![404, 409].includes(error.status)) throw error
      const now = await this.#options.api.get(CONNECTORS, { namespace, name })
      const id = now && claimedId(now)
      return now && id !== undefined ? { id, connector: now } : undefined
    }
  }

  #remember(id: number, { metadata }: Connector): void {
    if (this.#places.size >= MAX_PLACES) this.#places.clear()
    this.#places.set(id, { namespace: metadata.namespace ?? '', name: metadata.name })
  }
}

/** One that is being deleted is gone for the API, even while a finalizer keeps the object. */
function isThere({ metadata }: Connector): boolean {
  return metadata.deletionTimestamp === undefined
}
