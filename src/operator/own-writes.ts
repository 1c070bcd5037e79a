import type { AnalyticsConnector, KubeObject } from '../kube/kinds.ts'
import { PackedObjects } from '../kube/packed-objects.ts'

type Connector = AnalyticsConnector & KubeObject

/**
 * The connectors as this process wrote them last, until the watch delivers that write or a newer one. Without them the next pass
 * would compare with a status that was replaced already, and write again. Resource versions are only ever compared for equality.
 */
export class OwnWrites {
  /** By key, the resource versions that are older than ours: the ones that our writes were made from. */
  readonly #older = new Map<string, Set<string>>()
  /** Packed, as the pass that finds a write in the cache may be minutes away while every connector changes. */
  readonly #newest = new PackedObjects<Connector>()

  /** @param from resource version that the write was made from */
  remember(key: string, from: string, newest: Connector): void {
    this.#older.set(key, (this.#older.get(key) ?? new Set()).add(from))
    const { managedFields: _, ...metadata } = newest.metadata
    this.#newest.set({ ...newest, metadata })
  }

  /** What is newer: that which the cache has, or what we wrote. */
  newest(key: string, cached: Connector | undefined): Connector | undefined {
    const older = this.#older.get(key)
    if (!older) return cached
    if (cached && older.has(cached.metadata.resourceVersion ?? '')) return this.#newest.get(key)
    this.#older.delete(key)
    this.#newest.delete(key)
    return cached
  }
}
