import { randomUUID } from 'node:crypto'

/** What may stand in a log line and a header as it is. */
const SANE = /^[A-Za-z0-9._-]{1,64}$/

/** The caller's own id of a request, so that its log and ours can be read together; a new one where it has none that is sane. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && SANE.test(header) ? header : randomUUID()
}
