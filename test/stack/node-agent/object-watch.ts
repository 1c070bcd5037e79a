import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../../../src/lib/backoff.ts'
import { type Api, ApiError, messageOf } from './api.ts'
import type { KubeObject } from './pod.ts'

export interface WatchHandlers<T> {
  /** Every object there is, after the first list and after each relist: what is missing from it is gone. */
  onList(objects: readonly T[]): void
  onChange(object: T): void
  onDelete(object: T): void
  /** Once per outage, with the first error of it. */
  onOutage(message: string): void
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: T & { readonly message?: string; readonly code?: number }
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string }
  readonly items?: readonly T[]
}

/** Short, because a test that restarts the API server waits for this. */
const RETRY = { initialMs: 100, maxMs: 2_000 }
const WATCH_SECONDS = 300

/**
 * Lists and then watches one resource until `signal` aborts. Any error, an ended stream or an expired resource version leads to a
 * new list after a back-off; it never gives up and never rejects.
 *
 * @param path such as /api/v1/pods
 * @param fieldSelector such as spec.nodeName=node1: the node authorizer requires one
 */
export async function watchObjects<T extends KubeObject>(
  api: Api,
  path: string,
  fieldSelector: string,
  handlers: WatchHandlers<T>,
  signal: AbortSignal,
): Promise<void> {
  const selector = `fieldSelector=${encodeURIComponent(fieldSelector)}`
  let failures = 0
  while (!signal.aborted) {
    try {
      const list = await api.call<List<T>>('GET', `${path}?${selector}`)
      if (signal.aborted) return
      failures = 0
      handlers.onList(list.items ?? [])
      await follow(api, `${path}?${selector}`, list.metadata.resourceVersion, handlers, signal)
    } catch (error) {
      if (signal.aborted) return
      if (failures === 0) handlers.onOutage(messageOf(error))
    }
    await delay(backoffMs(failures, RETRY), undefined, { signal }).catch(() => undefined)
    failures += 1
  }
}

/** Watches from a resource version, resuming at the last one seen, until the server refuses to go on from there. */
async function follow<T extends KubeObject>(
  api: Api,
  path: string,
  from: string,
  handlers: WatchHandlers<T>,
  signal: AbortSignal,
): Promise<void> {
  let resourceVersion = from
  while (!signal.aborted) {
    const before = resourceVersion
    const query = `&watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${resourceVersion}`
    for await (const line of api.lines(path + query, signal)) {
      const event = line as WatchEvent<T>
      if (event.type === 'ERROR') throw new ApiError(event.object.code ?? 500, event.object.message ?? 'watch error')
      resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion
      if (event.type === 'DELETED') handlers.onDelete(event.object)
      else if (event.type !== 'BOOKMARK') handlers.onChange(event.object)
    }
    // A stream that ends without having said anything would be asked for again at once, for ever: list instead.
    if (before === resourceVersion) return
  }
}
