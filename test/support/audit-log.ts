import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** What one request needed, as an authorizer sees it. */
export interface Asked {
  /** Name of the service account. */
  readonly account: string
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  /** Plural of the kind, with its subresource. */
  readonly resource: string
  /** Empty: in all namespaces, or in none. */
  readonly namespace: string
  /** Empty for a collection. */
  readonly name: string
  /** False: the API server refused it because no role allows it. */
  readonly isAllowed: boolean
}

/** What we read of https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ */
interface AuditEvent {
  readonly verb: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number; readonly message?: string }
  readonly annotations?: { readonly 'authorization.k8s.io/decision'?: 'allow' | 'forbid' }
}

const MAY_NOT_CREATE = /cannot create resource/

/** @param from where to begin, in bytes: a log may tell of an earlier run too */
export async function* readAuditLog(path: string, from: number): AsyncGenerator<Asked> {
  for await (const line of createInterface({ input: createReadStream(path, { start: from }) })) {
    // The server may be in the middle of the last one.
    if (line.endsWith('}')) yield* askedIn(JSON.parse(line))
  }
}

/** Nothing for what is no resource (`/readyz`, discovery). */
export function askedIn({ verb, user, objectRef, responseStatus, annotations }: AuditEvent): Asked[] {
  if (objectRef?.resource === undefined) return []
  const { apiGroup: group = '', subresource, namespace = '', name = '' } = objectRef
  const resource = subresource === undefined ? objectRef.resource : `${objectRef.resource}/${subresource}`
  const account = user.username.split(':').at(-1) ?? ''
  const isAllowed = annotations?.['authorization.k8s.io/decision'] !== 'forbid'
  const asked = { account, verb, group, resource, namespace, name, isAllowed }
  // An apply of what is not there needs one more right, and the log has no line for it. Other 403s (a quota, a namespace that is
  // being deleted) are no question of rights.
  const { code, message = '' } = responseStatus ?? {}
  const mayNotCreate = isAllowed && code === 403 && MAY_NOT_CREATE.test(message)
  const isMade = verb === 'patch' && code === 201
  return isMade || mayNotCreate ? [asked, { ...asked, verb: 'create', isAllowed: isMade }] : [asked]
}
