import type { WatchEvent } from './api.ts'
import { KubeApiError } from './errors.ts'
import type { KubeObject } from './kinds.ts'

/** Annotation of the bookmark that ends the initial events of a streaming list (KEP-3157). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

interface RawEvent<T> {
  type: string
  object: T & { code?: number; reason?: string; message?: string }
}

/**
 * Reads a watch: one JSON document a line, of which a chunk may hold any part.
 *
 * @param request what was asked, for error messages
 * @throws KubeApiError for an ERROR event (410 when the resource version is too old), SyntaxError for a line that is no JSON
 */
export async function* parseWatchStream<T extends KubeObject>(
  chunks: AsyncIterable<Uint8Array>,
  request: string,
): AsyncGenerator<WatchEvent<T>> {
  for await (const line of lines(chunks)) {
    const { type, object } = JSON.parse(line) as RawEvent<T>
    if (type === 'ERROR') {
      throw new KubeApiError(object.code ?? 500, object.reason ?? 'WatchError', `watch ${request}: ${object.message}`)
    }
    if (type === 'BOOKMARK') yield bookmark(object)
    else yield { type: type as 'ADDED' | 'MODIFIED' | 'DELETED', object }
  }
}

function bookmark(object: KubeObject): WatchEvent<never> {
  return {
    type: 'BOOKMARK',
    resourceVersion: object.metadata?.resourceVersion ?? '',
    endsInitialEvents: object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true',
  }
}

/** Lines without their ends. What follows the last line end is dropped: a stream that was cut in mid-line. */
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
      if (end > start) yield rest.slice(start, end)
      start = end + 1
    }
    rest = rest.slice(start)
  }
}
