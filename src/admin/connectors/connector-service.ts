import { randomInt } from 'node:crypto'
import { ADMIN_FIELD_MANAGER, API_GROUP, API_VERSION, ID_LABEL, KIND } from '../../contract/names.ts'
import {
  type ConnectorEdit,
  type ConnectorQuery,
  NAME_DIGITS,
  type NewConnector,
  type StatusDocument,
} from '../../contract/rest-connector.ts'
import type { KubeApi } from '../../kube/api.ts'
import type { Connector, IdentifiedConnector } from '../../kube/connector-ids.ts'
import { isConflict, KubeApiError } from '../../kube/errors.ts'
import type { IdCounter } from '../../kube/id-counter.ts'
import { CONNECTORS } from '../../kube/kinds.ts'
import { ApiError } from '../api-error.ts'
import type { ConnectorStore } from './connector-store.ts'
import { checkSettable, checkTopics, checkWithin, isWithin, type Scope, type TopicNaming } from './scope.ts'
import { entityTag } from './shown-connector.ts'
import { changeOf, patchOf, type SpecChange } from './spec-change.ts'
import { statusDocument } from './status-document.ts'

/** Names that are tried: each is taken with a chance of one to a million for each connector of the same name. */
const NAME_ATTEMPTS = 5
/** Writes of the status between read and write that an edit or a deletion puts up with. */
const WRITE_ATTEMPTS = 10

export interface ConnectorServiceOptions {
  readonly api: Pick<KubeApi, 'create' | 'patch' | 'delete'>
  readonly store: ConnectorStore
  readonly counter: Pick<IdCounter, 'next'>
  /** Kubernetes namespace of the connectors that are made here. */
  readonly namespace: string
  readonly topics: TopicNaming
}

/** What the REST API does with connectors: each is a custom resource, read and written where everybody else does. */
export class ConnectorService {
  readonly #options: ConnectorServiceOptions

  constructor(options: ConnectorServiceOptions) {
    this.#options = options
  }

  async list(
    scope: Scope,
    { storageType, connectorState, connectorName }: ConnectorQuery,
  ): Promise<IdentifiedConnector[]> {
    const all = await this.#options.store.all()
    return all.filter(
      ({ connector }) =>
        isWithin(scope, connector.spec) &&
        (storageType === undefined || connector.spec.storageType === storageType) &&
        (connectorState === undefined || statusDocument(connector).status === connectorState) &&
        (connectorName === undefined || isNamed(connector, connectorName)),
    )
  }

  /** @throws ApiError 404 also for a connector that the scope may not show, so that nobody learns of it */
  async get(scope: Scope, id: number): Promise<IdentifiedConnector> {
    return { id, connector: checkShown(scope, id, await this.#options.store.byId(id)) }
  }

  async status(scope: Scope, id: number): Promise<StatusDocument> {
    return statusDocument((await this.get(scope, id)).connector)
  }

  /** The connector does not run until it is activated. */
  async create(
    scope: Scope,
    { connectorName, storageType, config, filter }: NewConnector,
  ): Promise<IdentifiedConnector> {
    checkWithin(scope, { filter })
    checkSettable(scope, Object.keys(config))
    const { api, counter, namespace, topics } = this.#options
    checkTopics(scope, { config, filter }, {}, topics)
    const id = await counter.next()
    const labels = { [ID_LABEL]: String(id) }
    for (let attempt = 1; ; attempt++) {
      const name = `${connectorName}-${String(randomInt(10 ** NAME_DIGITS)).padStart(NAME_DIGITS, '0')}`
      const object: Connector = {
        apiVersion: `${API_GROUP}/${API_VERSION}`,
        kind: KIND,
        metadata: { namespace, name, labels },
        spec: { active: false, storageType, config, filter },
      }
      try {
        return { id, connector: await api.create(CONNECTORS, object, { fieldManager: ADMIN_FIELD_MANAGER }) }
      } catch (error) {
        if (!isConflict(error) || attempt === NAME_ATTEMPTS) throw error
      }
    }
  }

  /**
   * @param ifMatch entity tags of If-Match, one of which must be the connector's
   * @throws ApiError 409 when another editor was faster
   */
  edit(scope: Scope, id: number, edit: ConnectorEdit, ifMatch?: readonly string[]): Promise<IdentifiedConnector> {
    return this.#change(scope, id, (connector) => changeOf(edit, connector), ifMatch)
  }

  async switch(scope: Scope, id: number, active: boolean, ifMatch?: readonly string[]): Promise<void> {
    await this.#change(scope, id, () => ({ active }), ifMatch)
  }

  /**
   * Deletes what was checked, on the condition that nothing was written in between: an edit may have made it a connector that the caller has not
   * seen, or that the scope may not show. If something was, checks it again and tries once more.
   *
   * @throws ApiError 409 when it is not (any more) what the caller has read
   */
  async delete(scope: Scope, id: number, ifMatch?: readonly string[]): Promise<void> {
    let { connector } = await this.get(scope, id)
    const { namespace = '', name, uid = '' } = connector.metadata
    for (let attempt = 1; ; attempt++) {
      checkTag(connector, ifMatch)
      const { resourceVersion = '' } = connector.metadata
      try {
        return await this.#options.api.delete(CONNECTORS, { namespace, name }, { uid, resourceVersion })
      } catch (error) {
        if (!isConflict(error) || attempt === WRITE_ATTEMPTS) throw error
      }
      const now = await this.#options.store.byId(id)
      // Somebody else has deleted it; what may have its id and name by now is another one.
      if (now?.metadata.uid !== uid) return
      connector = checkShown(scope, id, now)
    }
  }

  /**
   * Reads, decides and writes, on the condition that nothing was written in between. If only the status was, does it all again; a write of
   * the spec is another editor's.
   */
  async #change(
    scope: Scope,
    id: number,
    changeFrom: (connector: Connector) => SpecChange,
    ifMatch: readonly string[] | undefined,
  ): Promise<IdentifiedConnector> {
    let { connector } = await this.get(scope, id)
    checkTag(connector, ifMatch)
    const seen = entityTag(connector)
    for (let attempt = 1; ; attempt++) {
      const wanted = patchOf(changeFrom(connector), connector)
      if (wanted === undefined) return { id, connector }
      checkWithin(scope, wanted.spec)
      checkSettable(scope, wanted.configFields)
      checkTopics(scope, wanted.spec, connector.spec.filter, this.#options.topics)
      try {
        return { id, connector: await this.#write(connector, wanted.patch) }
      } catch (error) {
        if (error instanceof KubeApiError && error.status === 404) throw notThere(id)
        if (!isConflict(error) || attempt === WRITE_ATTEMPTS) throw error
      }
      connector = (await this.get(scope, id)).connector
      checkTag(connector, [seen])
    }
  }

  #write({ metadata }: Connector, spec: object): Promise<Connector> {
    const { namespace = '', name, uid, resourceVersion } = metadata
    const patch = { metadata: { uid, resourceVersion }, spec }
    return this.#options.api.patch(CONNECTORS, { namespace, name }, patch, { fieldManager: ADMIN_FIELD_MANAGER })
  }
}

function isNamed({ metadata: { name } }: Connector, wanted: string): boolean {
  return name === wanted || (name.startsWith(`${wanted}-`) && /^\d{6}$/.test(name.slice(wanted.length + 1)))
}

function checkShown(scope: Scope, id: number, connector: Connector | undefined): Connector {
  if (connector && isWithin(scope, connector.spec)) return connector
  throw notThere(id)
}

function notThere(id: number): ApiError {
  return new ApiError('connectorNotFound', `there is no connector ${id}`)
}

function checkTag(connector: Connector, ifMatch: readonly string[] | undefined): void {
  if (ifMatch === undefined || ifMatch.includes('*') || ifMatch.includes(entityTag(connector))) return
  throw new ApiError(
    'conflict',
    `another editor has changed the connector (its ETag is ${entityTag(connector)}): read it again, then edit`,
  )
}
