import type { Kind, KubeObject, ObjectRef } from './kinds.ts'

export interface Scope {
  /** Absent: every namespace. */
  readonly namespace?: string
  readonly labelSelector?: string
  /** Only the object of this name. */
  readonly name?: string
  /** Ask for `metadata` only (PartialObjectMetadata): what is cached of a kind whose content nobody reads. */
  readonly metadataOnly?: boolean
}

export interface ListPage<T> {
  readonly items: T[]
  readonly resourceVersion: string
  /** Token of the next page, if there is one. */
  readonly next?: string
}

export interface WatchOptions extends Scope {
  readonly resourceVersion: string
  /** Begin with all objects that exist and a bookmark behind the last (KEP-3157, streaming lists). */
  readonly sendInitialEvents?: boolean
  /** The server ends the watch after this time. */
  readonly timeoutSeconds: number
  /** The client ends it when nothing, not even a bookmark, came for so long. */
  readonly idleTimeoutMs: number
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly endsInitialEvents: boolean }

export interface ApplyOptions {
  readonly fieldManager: string
  readonly subresource?: 'status'
}

export interface WriteOptions {
  /** Who owns the fields that are written, in `metadata.managedFields`; by default the API server takes it from the user agent. */
  readonly fieldManager?: string
}

/** What an object must still be to be deleted. */
export interface Preconditions {
  readonly uid: string
  /** Only in the state that was read. */
  readonly resourceVersion?: string
}

/**
 * The Kubernetes API in plain JSON: the seam between everything of ours and the server. Every call throws
 * `KubeApiError`, except that `get` answers undefined for an object that is not there.
 */
export interface KubeApi {
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined>
  /** Without a page: everything at once. */
  list<T extends KubeObject>(kind: Kind<T>, scope: Scope, page?: { limit: number; next?: string }): Promise<ListPage<T>>
  /** Ends without an error when the server ends the watch; throws when it breaks, also on a 410 inside the stream. */
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>
  /** Server-side apply with `force`: the fields named in `object` are ours, no others. */
  apply<T extends KubeObject>(kind: Kind<T>, object: T, options: ApplyOptions): Promise<T>
  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>
  /** JSON merge patch (RFC 7396): what `patch` does not name stays. `metadata.resourceVersion` in it makes it a compare-and-set. */
  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: object, options?: WriteOptions): Promise<T>
  /** PUT of a whole object; its `resourceVersion` makes it a compare-and-set (409 when somebody was faster). */
  replace<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T>
  /**
   * Deletes exactly the object with this uid; one that is gone already is no error. A `resourceVersion` makes it a compare-and-set: then 409
   * when the object was written since, or is gone and its name another one's.
   */
  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, preconditions: Preconditions): Promise<void>
}
