import { ID_FIELD_MANAGER, ID_LABEL } from '../contract/names.ts'
import type { KubeApi } from './api.ts'
import { type IdCounter, parseId } from './id-counter.ts'
import { type AnalyticsConnector, CONNECTORS, type KubeObject } from './kinds.ts'
import { whereAllowed } from './where-allowed.ts'

export type Connector = AnalyticsConnector & KubeObject

/** A connector together with its id. */
export interface IdentifiedConnector {
  readonly id: number
  readonly connector: Connector
}

/** More connectors than this with one id are a program that copies labels; the oldest are listed first or not at all. */
const MAX_CLAIMS = 100

export interface ConnectorIdsOptions {
  readonly api: Pick<KubeApi, 'list' | 'patch'>
  readonly counter: Pick<IdCounter, 'next' | 'last'>
  /** Where connectors are; absent: every namespace. */
  readonly namespaces: readonly string[] | undefined
}

/**
 * The integer ids of connectors. An id is a label, so that the API server finds a connector by it; `status.id` repeats it,
 * which nobody but the operator writes. So a label that a person removed or changed comes back, and a manifest that was
 * copied with its labels does not take the id with it.
 */
export class ConnectorIds {
  readonly #options: ConnectorIdsOptions

  constructor(options: ConnectorIdsOptions) {
    this.#options = options
  }

  /** The connector that has an id; asks the API server, so what was written before the call is seen. */
  async find(id: number): Promise<Connector | undefined> {
    return holderOf(id, await this.#claims(id))
  }

  /**
   * The id of a connector, which is given one if it has none that is its own.
   *
   * @throws KubeApiError 409 when the connector has changed since it was read, 404 when it is gone
   */
  async ensure(connector: Connector): Promise<IdentifiedConnector> {
    const given = connector.status?.id
    const label = parseId(connector.metadata.labels?.[ID_LABEL])
    if (given !== undefined) return label === given ? { id: given, connector } : this.#write(connector, given)
    if (label !== undefined && (await this.#isOwn(connector, label))) return { id: label, connector }
    return this.#write(connector, await this.#options.counter.next())
  }

  /** A number that was never given is a person's invention: another connector will get it. */
  async #isOwn({ metadata }: Connector, label: number): Promise<boolean> {
    if (label > (await this.#options.counter.last())) return false
    return holderOf(label, await this.#claims(label))?.metadata.uid === metadata.uid
  }

  async #claims(id: number): Promise<Connector[]> {
    const { api, namespaces } = this.#options
    const labelSelector = `${ID_LABEL}=${id}`
    const pages = (namespaces ?? [undefined]).map((namespace) =>
      api.list(CONNECTORS, { ...(namespace === undefined ? {} : { namespace }), labelSelector }, { limit: MAX_CLAIMS }),
    )
    return (await whereAllowed(pages)).flatMap(({ items }) => items)
  }

  async #write({ metadata }: Connector, id: number): Promise<IdentifiedConnector> {
    const { namespace = '', name, uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion, labels: { [ID_LABEL]: String(id) } } }
    const options = { fieldManager: ID_FIELD_MANAGER }
    return { id, connector: await this.#options.api.patch(CONNECTORS, { namespace, name }, patch, options) }
  }
}

/**
 * Of several that claim an id by their labels: the one that the operator has noted it for, else the oldest. Kubernetes notes creation in
 * whole seconds: of two made in one second, before the operator has seen the first, either may be taken for the oldest, the same one by everybody.
 */
export function holderOf(id: number, claims: readonly Connector[]): Connector | undefined {
  return claims
    .filter(({ status }) => status?.id === undefined || status.id === id)
    .toSorted((a, b) => rank(a).localeCompare(rank(b)))[0]
}

function rank({ metadata, status }: Connector): string {
  return `${status?.id === undefined ? 1 : 0} ${metadata.creationTimestamp} ${metadata.uid}`
}

/** The id that a connector has by its own account, right unless it was copied with its labels a moment ago. */
export function claimedId({ metadata, status }: Connector): number | undefined {
  return status?.id ?? parseId(metadata.labels?.[ID_LABEL])
}
