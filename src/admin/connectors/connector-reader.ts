import type { KubeApi } from '../../kube/api.ts'
import type { Connector } from '../../kube/connector-ids.ts'
import { CONNECTORS, type Kind, type KubeObject } from '../../kube/kinds.ts'
import { pagesOf } from '../../kube/pages.ts'

/**
 * A `get` takes about as long as this many connectors of a full list (3.4 ms with 16 under way, to 0.3 ms; `npm run bench:admin`, Kubernetes
 * 1.34): where more have changed, all are listed again.
 */
const CONNECTORS_PER_GET = 12
/** The same collection, of which only `metadata` is read. */
const METADATA: Kind<KubeObject> = CONNECTORS

/**
 * Every connector of one namespace, or of all, at least as new as the question. Most of the cost of a list is the API server's work of writing
 * each object as JSON, which is half as much for the metadata alone. So only metadata are listed. An object that still has the `uid` and
 * `resourceVersion` of the last read is taken from there; only the others are read in full.
 */
export class ConnectorReader {
  readonly #api: Pick<KubeApi, 'get' | 'list'>
  readonly #scope: { readonly namespace?: string }
  /** By uid, as of the last read. */
  #known: ReadonlyMap<string, Connector> = new Map()

  constructor(api: Pick<KubeApi, 'get' | 'list'>, namespace: string | undefined) {
    this.#api = api
    this.#scope = namespace === undefined ? {} : { namespace }
  }

  async read(): Promise<Connector[]> {
    const connectors = this.#known.size === 0 ? await this.#listAll() : await this.#readChanged()
    this.#known = new Map(connectors.map((connector) => [connector.metadata.uid ?? '', connector]))
    return connectors
  }

  async #readChanged(): Promise<Connector[]> {
    // Without a limit: the API server then answers from its watch cache, made sure to be as new as etcd (KEP-2340, 1.31).
    const { items } = await this.#api.list(METADATA, { ...this.#scope, metadataOnly: true })
    const kept = items.map(({ metadata }) => this.#ifUnchanged(metadata))
    const changed = kept.filter((connector) => connector === undefined).length
    if (changed * CONNECTORS_PER_GET > items.length) return this.#listAll()
    const connectors = await Promise.all(items.map(({ metadata }, i) => kept[i] ?? this.#get(metadata)))
    return connectors.filter((connector) => connector !== undefined)
  }

  #ifUnchanged({ uid, resourceVersion }: KubeObject['metadata'] = {}): Connector | undefined {
    const known = this.#known.get(uid ?? '')
    return known?.metadata.resourceVersion === resourceVersion ? known : undefined
  }

  #get({ namespace = '', name = '' }: KubeObject['metadata'] = {}): Promise<Connector | undefined> {
    return this.#api.get(CONNECTORS, { namespace, name })
  }

  async #listAll(): Promise<Connector[]> {
    const connectors: Connector[] = []
    for await (const { items } of pagesOf(this.#api, CONNECTORS, this.#scope)) connectors.push(...items)
    return connectors
  }
}
