import type { AnalyticsConnector, KubeObject } from '../kube/kinds.ts'

type Connector = AnalyticsConnector & KubeObject

interface Written {
  /** Resource versions that are older than ours: the ones that our writes were made from. */
  readonly older: Set<string>
  readonly newest: Connector
}

/**
 * The connectors as this process wrote them last, until the watch delivers that write or a newer one. Without them the next pass
 * would compare with a status that was replaced already, and write again. Resource versions are only ever compared for equality.
 */
export class OwnWrites {
  readonly #written = new Map<string, Written>()

  /** @param from resource version that the write was made from */
  remember(key: string, from: string, newest: Connector): void {
    const older = this.#written.get(key)?.older ?? new Set()
    older.add(from)
    const { managedFields: _, ...metadata } = newest.metadata
    this.#written.set(key, { older, newest: { ...newest, metadata } })
  }

  /** What is newer: that which the cache has, or what we wrote. */
  newest(key: string, cached: Connector | undefined): Connector | undefined {
    const written = this.#written.get(key)
    if (!written) return cached
    if (cached && written.older.has(cached.metadata.resourceVersion ?? '')) return written.newest
    this.#written.delete(key)
    return cached
  }
}
