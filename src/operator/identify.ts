import { type Connector, type ConnectorIds, claimedId } from '../kube/connector-ids.ts'
import { KubeApiError } from '../kube/errors.ts'

/** What came of the attempt to know a connector's id. */
export interface Identity {
  readonly id?: number
  /** The label was written just now, so its own event leads to the next pass. */
  readonly isNew?: boolean
  /** To be thrown when the rest of the pass is done: a connector delivers without an id. */
  readonly failure?: unknown
}

/** Gives a connector its id, should it have none; a connector that is gone needs none. Never rejects. */
export async function identify(connector: Connector | undefined, ids: Pick<ConnectorIds, 'ensure'>): Promise<Identity> {
  if (!connector) return {}
  try {
    const id = await ids.ensure(connector)
    return { id, isNew: claimedId(connector) !== id }
  } catch (failure) {
    return failure instanceof KubeApiError && failure.status === 404 ? {} : { failure }
  }
}
