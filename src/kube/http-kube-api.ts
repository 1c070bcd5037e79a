import { Agent, buildConnector, type Dispatcher, Pool } from 'undici'
import type {
  ApplyOptions,
  KubeApi,
  ListPage,
  Preconditions,
  Scope,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './api.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { errorFromResponse, isRefusal, KubeApiError } from './errors.ts'
import type { Kind, KubeObject, ObjectRef } from './kinds.ts'
import { parseWatchStream } from './watch-stream.ts'

/**
 * Longest time for an answer to begin, and for a pause within one. The API server waits up to 30 s for an admission webhook that hangs, and
 * then says which; its own limit on a request is 60 s.
 */
const REQUEST_TIMEOUT_MS = 35_000
const CONNECT_TIMEOUT_MS = 10_000
/**
 * Most connections for requests. HTTP/2 needs one of them for a hundred requests at once; over HTTP/1.1 (behind `kubectl proxy`, for example) each
 * carries one at a time, and a request that hangs would hold up all others, the renewal of the leader lease among them.
 */
const MAX_CONNECTIONS = 64
/**
 * TCP asks after so long without a byte, then once a second, ten times: a watch whose server is gone without a word is noticed after 25 s. A request that is
 * not answered takes its time-out, and undici's ping as long again, until a new connection is made.
 */
const KEEP_ALIVE_AFTER_MS = 15_000

export interface HttpKubeApiOptions {
  readonly access: ClusterAccess
  readonly userAgent: string
  /** Called once for each answered or failed request; code is the HTTP status, or `<error>`. */
  readonly onRequest?: (method: string, code: string) => void
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
}

/**
 * The Kubernetes API over undici: requests share one HTTP/2 connection (several of HTTP/1.1 where the server wants it), which is
 * six times the rate of client-node's connection per request at a tenth of its CPU time (measured on 1.34). Watches have connections
 * of their own, so that a large list cannot hold up an event.
 */
export class HttpKubeApi implements KubeApi {
  readonly #access: ClusterAccess
  readonly #origin: string
  /** What every path begins with: a kubeconfig may name a proxy that has many clusters behind it (Rancher's, for example). Else empty. */
  readonly #basePath: string
  readonly #userAgent: string
  readonly #onRequest: (method: string, code: string) => void
  readonly #requests: Pool
  readonly #watches: Agent

  constructor({ access, userAgent, onRequest = () => {} }: HttpKubeApiOptions) {
    const { origin, pathname } = new URL(access.server)
    this.#access = access
    this.#origin = origin
    this.#basePath = pathname.replace(/\/$/, '')
    this.#userAgent = userAgent
    this.#onRequest = onRequest
    const timeouts = { headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS }
    const connectionsOf = (allowH2: boolean) => ({ connect: connectorOf(access, allowH2), allowH2 })
    this.#requests = new Pool(origin, { ...connectionsOf(true), connections: MAX_CONNECTIONS, ...timeouts })
    this.#watches = new Agent({ ...connectionsOf(false), headersTimeout: REQUEST_TIMEOUT_MS })
  }

  /** Ends every connection; calls in flight fail. */
  async close(): Promise<void> {
    await Promise.all([this.#requests.destroy(), this.#watches.destroy()])
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.#call<T>({ method: 'GET', path: objectPath(kind, ref) })
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined
      throw error
    }
  }

  async list<T extends KubeObject>(
    kind: Kind<T>,
    scope: Scope,
    page?: { limit: number; next?: string },
  ): Promise<ListPage<T>> {
    const query = new URLSearchParams(page && { limit: String(page.limit) })
    if (page?.next !== undefined) query.set('continue', page.next)
    selectIn(query, scope)
    const answer = await this.#call<{ items: T[] | null; metadata: { resourceVersion: string; continue?: string } }>({
      method: 'GET',
      path: `${collectionPath(kind, scope.namespace)}${query.size > 0 ? `?${query}` : ''}`,
      ...(scope.metadataOnly ? { accept: metadataOnly('PartialObjectMetadataList') } : {}),
    })
    return {
      // An empty PartialObjectMetadataList has null for its items.
      items: answer.items ?? [],
      resourceVersion: answer.metadata.resourceVersion,
      ...(answer.metadata.continue ? { next: answer.metadata.continue } : {}),
    }
  }

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    const path = `${collectionPath(kind, options.namespace)}?${watchQuery(options)}`
    const accept = options.metadataOnly ? { accept: metadataOnly('PartialObjectMetadata') } : {}
    const request: Request = { method: 'GET', path, ...accept }
    const response = await this.#send(request, {
      dispatcher: this.#watches,
      signal,
      bodyTimeout: options.idleTimeoutMs,
      metricMethod: 'WATCH',
    })
    try {
      yield* parseWatchStream<T>(response.body, path)
    } catch (error) {
      throw error instanceof KubeApiError ? error : unreachable(`WATCH ${path}`, error)
    }
  }

  apply<T extends KubeObject>(kind: Kind<T>, object: T, { fieldManager, subresource }: ApplyOptions): Promise<T> {
    const query = new URLSearchParams({ fieldManager, force: 'true', fieldValidation: 'Strict' })
    return this.#call<T>({
      method: 'PATCH',
      path: `${objectPath(kind, refFrom(object))}${subresource ? `/${subresource}` : ''}?${query}`,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: kind.apiVersion, kind: kind.kind, ...object },
    })
  }

  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T> {
    const body = { apiVersion: kind.apiVersion, kind: kind.kind, ...object }
    const path = `${collectionPath(kind, object.metadata?.namespace)}${writeQuery(options)}`
    return this.#call<T>({ method: 'POST', path, body })
  }

  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: object, options?: WriteOptions): Promise<T> {
    const path = `${objectPath(kind, ref)}${writeQuery(options)}`
    return this.#call<T>({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: patch })
  }

  replace<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    const body = { apiVersion: kind.apiVersion, kind: kind.kind, ...object }
    return this.#call<T>({ method: 'PUT', path: objectPath(kind, refFrom(object)), body })
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, preconditions: Preconditions): Promise<void> {
    // 409 to a uid alone: the name belongs to another object by now, so ours is gone as well.
    const gone = preconditions.resourceVersion === undefined ? [404, 409] : [404]
    try {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
      await this.#call({ method: 'DELETE', path: objectPath(kind, ref), body })
    } catch (error) {
      // A webhook that denies the deletion may have chosen the same status.
      if (!(error instanceof KubeApiError && gone.includes(error.status)) || isRefusal(error)) throw error
    }
  }

  /** What time it is for the API server, in whole seconds. @throws KubeApiError */
  async now(): Promise<number> {
    const request: Request = { method: 'GET', path: '/version' }
    const { headers, body } = await this.#send(request, { dispatcher: this.#requests })
    await body.dump()
    const now = Date.parse(String(headers.date))
    if (Number.isNaN(now)) throw unreachable('GET /version', new Error('the answer has no Date'))
    return now
  }

  async #call<T>(request: Request): Promise<T> {
    const response = await this.#send(request, { dispatcher: this.#requests })
    try {
      return (await response.body.json()) as T
    } catch (error) {
      throw unreachable(`${request.method} ${request.path}`, error)
    }
  }

  /** Sends one request and throws unless the answer is a success. */
  async #send(
    { method, path, body, contentType = 'application/json', accept = 'application/json' }: Request,
    { metricMethod = method, ...options }: SendOptions,
  ): Promise<Dispatcher.ResponseData> {
    const { dispatcher, ...rest } = options
    let response: Dispatcher.ResponseData
    try {
      const authorization = await this.#access.authorization()
      response = await dispatcher.request({
        ...rest,
        origin: this.#origin,
        method,
        path: `${this.#basePath}${path}`,
        headers: {
          accept,
          'user-agent': this.#userAgent,
          ...(authorization === undefined ? {} : { authorization }),
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      this.#onRequest(metricMethod, '<error>')
      throw unreachable(`${metricMethod} ${path}`, error)
    }
    this.#onRequest(metricMethod, String(response.statusCode))
    if (response.statusCode < 300) return response
    const retryAfter = response.headers['retry-after']
    throw errorFromResponse(
      `${metricMethod} ${path.split('?', 1)[0]}`,
      response.statusCode,
      await response.body.text().catch(() => ''),
      typeof retryAfter === 'string' ? retryAfter : undefined,
    )
  }
}

interface SendOptions {
  readonly dispatcher: Dispatcher
  readonly signal?: AbortSignal
  readonly bodyTimeout?: number
  readonly metricMethod?: string
}

/** Made anew for each connection, with the certificates of the day: undici would keep those of the first. */
function connectorOf(access: ClusterAccess, allowH2: boolean): buildConnector.connector {
  const options = { allowH2, timeout: CONNECT_TIMEOUT_MS, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS }
  return (target, callback) => buildConnector({ ...access.tls, ...options })(target, callback)
}

function unreachable(request: string, cause: unknown): KubeApiError {
  return new KubeApiError(0, 'Unreachable', `${request.split('?', 1)[0]}: no answer`, { cause })
}

function metadataOnly(as: string): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`
}

function collectionPath({ apiVersion, plural }: Kind<KubeObject>, namespace: string | undefined): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`
}

function objectPath(kind: Kind<KubeObject>, { namespace, name }: ObjectRef): string {
  return `${collectionPath(kind, namespace)}/${name}`
}

function writeQuery({ fieldManager }: WriteOptions = {}): string {
  return fieldManager === undefined ? '' : `?${new URLSearchParams({ fieldManager, fieldValidation: 'Strict' })}`
}

function refFrom(object: KubeObject): ObjectRef {
  const { namespace, name } = object.metadata ?? {}
  if (!namespace || !name) throw new Error('an object without namespace and name cannot be written')
  return { namespace, name }
}

function selectIn(query: URLSearchParams, { labelSelector, name }: Scope): void {
  if (labelSelector) query.set('labelSelector', labelSelector)
  if (name) query.set('fieldSelector', `metadata.name=${name}`)
}

function watchQuery(options: WatchOptions): URLSearchParams {
  const query = new URLSearchParams({
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(options.timeoutSeconds),
  })
  if (options.resourceVersion) query.set('resourceVersion', options.resourceVersion)
  selectIn(query, options)
  if (options.sendInitialEvents) {
    query.set('sendInitialEvents', 'true')
    query.set('resourceVersionMatch', 'NotOlderThan')
  }
  return query
}
