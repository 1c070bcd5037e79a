import type { KubeApi, ListPage, Scope } from './api.ts'
import type { Kind, KubeObject } from './kinds.ts'

/** Objects of one page of a list: 10,000 connectors in one answer are 16 MiB and hold up the event loop for 129 ms. */
const PAGE_SIZE = 500

/** A list page by page: each is asked for when the one before has been taken. */
export async function* pagesOf<T extends KubeObject>(
  api: Pick<KubeApi, 'list'>,
  kind: Kind<T>,
  scope: Scope,
): AsyncGenerator<ListPage<T>> {
  let next: string | undefined
  do {
    const page = await api.list(kind, scope, { limit: PAGE_SIZE, ...(next === undefined ? {} : { next }) })
    yield page
    next = page.next
  } while (next !== undefined)
}
