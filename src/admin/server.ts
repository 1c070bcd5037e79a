import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { ApiError } from './api-error.ts'
import { registerApiPage } from './api-page.ts'
import type { Caller } from './auth/authenticator.ts'
import { refuseMalformed } from './client-error.ts'
import { namespaceScope, requiredResource, type Scope } from './connectors/scope.ts'
import { apiErrorOf } from './error-reply.ts'
import type { Gate } from './gate.ts'
import type { HttpMetrics } from './http-metrics.ts'
import { MAX_BODY_BYTES, parseJsonBody } from './json-body.ts'
import { openApiDocument } from './openapi.ts'
import { requestIdOf } from './request-id.ts'
import { ACTIONS, BASE_PATHS, entityTagsOf, parsePart, type Route } from './route.ts'

/** How long a client may take; who takes longer is no client, but somebody who holds connections. */
export interface RequestTimeouts {
  /** Milliseconds until the TLS handshake is done, and from then until the head of a request is complete. */
  readonly headMs: number
  /** Milliseconds until the whole request is. */
  readonly requestMs: number
  /** Milliseconds without a byte to or fro, while an answer is made or taken. */
  readonly silenceMs: number
  /** Milliseconds between two looks for such connections: one is cut at most so much later. Node.js would look every 30 s. */
  readonly lookEveryMs: number
}

const REQUEST_TIMEOUTS: RequestTimeouts = {
  headMs: 10_000,
  requestMs: 30_000,
  // Longer than it takes to answer a request while the API server does not answer us.
  silenceMs: 120_000,
  lookEveryMs: 1_000,
}
/** Longer than load balancers keep a connection at rest (Google's 600 s, Caddy 120 s, Traefik 90 s), so that they close first and none sends a request into its end. */
const KEEP_ALIVE_MS = 620_000
/** TCP asks a connection at rest so often, before balancers and firewalls that only pass packets on forget it (Azure's after 240 s, AWS's after 350 s). */
const TCP_KEEP_ALIVE_MS = 60_000
const MAX_CONNECTIONS = 2_000
/** Of an answer that nobody was there to take, in log and metrics. Source: nginx. */
const CLIENT_GONE = 499
/** Longest value in a path. */
const MAX_PARAM_LENGTH = 1_024

export interface ServerParts {
  readonly routes: readonly Route[]
  readonly gate: Gate
  /** Endpoints of the built-in token issuer, where there is one. */
  readonly issuer?: FastifyPluginAsync | undefined
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Addresses or networks of the proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly metrics: HttpMetrics
  readonly logger: Logger
  readonly timeouts?: RequestTimeouts | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
    scope: Scope | null
  }
}

/**
 * The HTTP server of the REST API, not yet listening. The life of a request: id → token → rate → permission → body → schemas → handler → log;
 * whatever is thrown on the way becomes `{errorCode, errorMessage}` at one place.
 */
export function createServer(parts: ServerParts): FastifyInstance {
  const { routes, issuer, tls, trustedProxies, logger, timeouts = REQUEST_TIMEOUTS } = parts
  const { headMs, requestMs, silenceMs, lookEveryMs } = timeouts
  const limits = { headersTimeout: headMs, connectionsCheckingInterval: lookEveryMs }
  const tcp = { keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS }
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: requestMs,
    connectionTimeout: silenceMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    loggerInstance: logger as FastifyBaseLogger,
    requestIdHeader: false,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, logger),
    ...(tls ? { https: { ...tls, ...limits, ...tcp, handshakeTimeout: headMs } } : { http: { ...limits, ...tcp } }),
  }) as FastifyInstance
  app.server.maxConnections = MAX_CONNECTIONS
  app.decorateRequest('caller', null)
  app.decorateRequest('scope', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    parseJsonBody(body),
  )
  app.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
    // Many clients send a Content-Type along with nothing.
    if (headers['content-length'] === '0') return undefined
    throw new ApiError('unsupportedMediaType', 'the Content-Type is not allowed: must be application/json')
  })
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply, logger))
  observe(app, parts)
  endConnectionsOnClose(app)
  refuseOtherPaths(app)
  for (const route of routes) addRoute(app, route, parts.gate)
  for (const [path, methods] of methodsByPath(routes)) refuseOtherMethods(app, path, methods)
  registerApiPage(app, openApiDocument(routes))
  if (issuer) app.register(issuer)
  return app
}

/** Ids, headers, the access log and metrics. The log has neither headers nor the query: that is where secrets would be. */
function observe(app: FastifyInstance, { metrics, logger, tls }: ServerParts): void {
  app.addHook('onRequest', async (request, reply) => {
    metrics.begun()
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    if (tls) reply.header('strict-transport-security', 'max-age=31536000')
  })
  const ended = (request: FastifyRequest, reply: FastifyReply, status: number) => {
    const route = request.routeOptions.url ?? 'none'
    const seconds = reply.elapsedTime / 1000
    metrics.ended(request.method, route, status, seconds)
    logger.info(
      {
        requestId: request.id,
        method: request.method,
        path: request.url.split('?', 1)[0],
        status,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        client: request.caller?.subject,
        address: request.ip,
      },
      'request',
    )
  }
  // Not in onResponse: fastify does not call it where the client hangs up before the answer, though the request is served all the same.
  app.addHook('onSend', async (request, reply) => {
    const { raw } = reply
    let isEnded = false
    const end = (status: number) => {
      if (!isEnded) ended(request, reply, status)
      isEnded = true
    }
    if (raw.destroyed) end(CLIENT_GONE)
    else raw.once('finish', () => end(reply.statusCode)).once('close', () => end(CLIENT_GONE))
  })
}

/** Otherwise a connection whose request was under way at `close` would be kept open for the next one, and the server with it. */
function endConnectionsOnClose(app: FastifyInstance): void {
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
}

function addRoute(app: FastifyInstance, route: Route, gate: Gate): void {
  for (const version of route.versions) {
    app.route({
      method: route.method,
      url: fastifyPath(BASE_PATHS[version] + route.path),
      // Before the body is read: nobody without a permission makes the server parse anything.
      onRequest: async (request) => {
        request.caller = await gate.authenticate(request.headers.authorization, request.ip)
        request.scope = scopeOf(request)
        await gate.authorize(request.caller, requiredResource(request.scope), ACTIONS[route.method])
        // Fastify would wait for the body for ever: a request that was cut off meanwhile never ends, and its `close` has been told already.
        if (request.raw.destroyed) throw new ApiError('malformedRequest', 'the request was cut off')
      },
      handler: (request, reply) => answer(route, request, reply),
    })
  }
}

async function answer(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { namespace: _, ...params } = request.params as Record<string, string>
  const { body, headers = {} } = await route.handle({
    scope: request.scope ?? scopeOf(request),
    params: parsePart(route.params, params, 'the path'),
    query: parsePart(route.query, request.query, 'the query'),
    body: bodyOf(route, request.body),
    ifMatch: entityTagsOf(request.headers['if-match']),
  })
  reply.code(route.reply.status).headers(headers).type('application/json; charset=utf-8')
  return reply.send(JSON.stringify(body))
}

function bodyOf({ body: schema }: Route, body: unknown): unknown {
  if (schema) return parsePart(schema, body, 'the body')
  if (body === undefined || JSON.stringify(body) === '{}') return undefined
  throw new ApiError('validation', 'the body: must be empty')
}

function scopeOf(request: FastifyRequest): Scope {
  const { namespace } = request.params as { namespace?: string }
  return namespace === undefined ? { version: 'v1' } : namespaceScope(namespace)
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>()
  for (const { method, path, versions } of routes) {
    for (const version of versions) {
      const full = fastifyPath(BASE_PATHS[version] + path)
      methods.set(full, [...(methods.get(full) ?? []), method, ...(method === 'GET' ? ['HEAD'] : [])])
    }
  }
  return methods
}

function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  const others = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].filter((each) => !allowed.includes(each))
  app.route({
    method: others,
    url,
    onRequest: async ({ method }) => {
      const allow = allowed.join(', ')
      throw new ApiError('methodNotAllowed', `${method} is not allowed here: must be ${allow}`, { headers: { allow } })
    },
    handler: async () => undefined,
  })
}

/** Before the body is read: who asks for nothing that there is has shown no token. A handler for it would be called with the body parsed. */
function refuseOtherPaths(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ is404, method, url }) => {
    if (!is404) return
    const path = url.split('?', 1)[0]?.slice(0, 200)
    throw new ApiError('routeNotFound', `${method} ${path}: there is no such path`)
  })
}

/** `{id}` as fastify writes it. */
function fastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const answered = apiErrorOf(error)
  if (answered.status >= 500) {
    const log = { requestId: request.id, route: request.routeOptions.url, error: describeError(error) }
    if (answered.status === 500) logger.error({ ...log, err: error }, 'a request failed')
    else logger.warn(log, 'a request could not be answered')
  }
  return reply
    .code(answered.status)
    .headers({ 'x-request-id': request.id, ...answered.headers })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(answered.body))
}
