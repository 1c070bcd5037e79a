import type { KubeApi, ListPage, WatchEvent, WatchOptions } from '../../src/kube/api.ts'
import type { KubeObject } from '../../src/kube/kinds.ts'

/** One watch: what comes, then an error, a clean end, or silence until it is aborted. */
export interface WatchScript {
  readonly events?: readonly WatchEvent<KubeObject>[]
  readonly ending: 'hang' | 'end' | Error
}

/** An API server whose lists and watches are written down beforehand; what is not, hangs. */
export function scriptedApi(script: { watches?: WatchScript[]; lists?: (ListPage<KubeObject> | Error)[] }) {
  const watches: WatchOptions[] = []
  const signals: AbortSignal[] = []
  const lists: { limit: number; next?: string }[] = []
  const api: Pick<KubeApi, 'list' | 'watch'> = {
    async list(_kind, _scope, page) {
      const answer = script.lists?.[lists.length]
      if (page) lists.push(page)
      if (answer === undefined) return new Promise<never>(() => {})
      if (answer instanceof Error) throw answer
      return structuredClone(answer) as ListPage<never>
    },
    async *watch(_kind, options, signal) {
      const { events = [], ending } = script.watches?.[watches.length] ?? { ending: 'hang' }
      watches.push(options)
      signals.push(signal)
      for (const event of events) yield structuredClone(event) as WatchEvent<never>
      if (ending instanceof Error) throw ending
      if (ending === 'hang') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  }
  return { api, watches, signals, lists }
}

export function anObject(name: string, resourceVersion: string): KubeObject {
  return { metadata: { namespace: 'n', name, resourceVersion } }
}

export const added = (name: string, version: string): WatchEvent<KubeObject> => ({
  type: 'ADDED',
  object: anObject(name, version),
})
export const modified = (name: string, version: string): WatchEvent<KubeObject> => ({
  type: 'MODIFIED',
  object: anObject(name, version),
})
export const deleted = (name: string, version: string): WatchEvent<KubeObject> => ({
  type: 'DELETED',
  object: anObject(name, version),
})
export const bookmark = (resourceVersion: string, endsInitialEvents = false): WatchEvent<KubeObject> => ({
  type: 'BOOKMARK',
  resourceVersion,
  endsInitialEvents,
})
