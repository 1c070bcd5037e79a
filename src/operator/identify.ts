import type { ConnectorIds } from '../kube/connector-ids.ts'
import { KubeApiError } from '../kube/errors.ts'
import type { Observed, Sources } from './observe.ts'

/** What came of the attempt to know a connector's id. */
export interface Identity {
  readonly id?: number
  /** The one that was observed, or what the label that was written has made of it. */
  readonly resourceVersion: string
  /** To be thrown when the rest of the pass is done: a connector delivers without an id. */
  readonly failure?: unknown
}

export interface IdentifyingParts extends Pick<Sources, 'caches' | 'ownWrites'> {
  readonly ids: Pick<ConnectorIds, 'ensure'>
}

/** Gives a connector its id, should it have none; a connector that is gone needs none. Never rejects. */
export async function identify(
  { key, resourceVersion: observed }: Observed,
  { caches, ownWrites, ids }: IdentifyingParts,
): Promise<Identity> {
  const before = ownWrites.newest(key, caches.connectors.get(key))
  if (!before) return { resourceVersion: observed }
  try {
    const { id, connector } = await ids.ensure(before)
    const [from = '', to = ''] = [before, connector].map(({ metadata }) => metadata.resourceVersion)
    if (to !== from) ownWrites.remember(key, from, connector)
    // Somebody else has changed it since it was observed: its status has to wait for a pass that has seen that.
    return { id, resourceVersion: from === observed ? to : observed }
  } catch (failure) {
    const isGone = failure instanceof KubeApiError && failure.status === 404
    return { resourceVersion: observed, ...(isGone ? {} : { failure }) }
  }
}
