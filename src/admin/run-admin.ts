import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Registry } from 'prom-client'
import type { KubeApi } from '../kube/api.ts'
import { ConnectorIds } from '../kube/connector-ids.ts'
import { IdCounter } from '../kube/id-counter.ts'
import type { ObjectRef } from '../kube/kinds.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { type HttpRoutes, serveHttp, textAnswer } from '../lib/http-server.ts'
import { whenAborted } from '../lib/lifecycle.ts'
import type { Logger } from '../lib/logger.ts'
import { openLoopback } from '../lib/loopback.ts'
import { metricsAnswer } from '../lib/metrics.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { AdminConfig } from './config.ts'
import { ConnectorService } from './connectors/connector-service.ts'
import { ConnectorStore } from './connectors/connector-store.ts'
import { Gate } from './gate.ts'
import { createHttpMetrics } from './http-metrics.ts'
import type { Route } from './route.ts'
import { connectorRoutes } from './routes/connector-routes.ts'
import { toolRoutes } from './routes/tool-routes.ts'
import { createServer, type RequestTimeouts } from './server.ts'
import { followTls, type TlsFiles } from './tls-files.ts'

export interface AdminOptions {
  readonly api: KubeApi
  readonly config: AdminConfig
  /** The ConfigMap that counts the connectors' ids. */
  readonly idCounter: ObjectRef
  /** Kubernetes namespace of the connectors that POST makes. */
  readonly connectorNamespace: string
  readonly authenticator: Authenticator
  /** Endpoints of the built-in token issuer, where there is one. */
  readonly issuer?: FastifyPluginAsync | undefined
  /** @throws ApiError 503 */
  readonly listTopics: () => Promise<readonly string[]>
  readonly tls?: TlsFiles | undefined
  /** Where the API is served; port 0 for any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Where health and metrics are served: a port of its own, which no ingress leads to. */
  readonly healthPort: number
  readonly timeouts?: RequestTimeouts | undefined
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** Requests that are being answered when the server closes have this long. */
const DRAIN_MS = 25_000

export interface AdminPorts {
  readonly port: number
  readonly healthPort: number
}

/**
 * Runs the REST API until `signal` aborts; resolves when every request that was under way has been answered.
 *
 * @param onListening told the ports that were bound
 * @throws the error of listening
 */
export async function runAdmin(
  options: AdminOptions,
  signal: AbortSignal,
  onListening: (ports: AdminPorts) => void = () => {},
): Promise<void> {
  const { config, registry, clock, logger, listen, healthPort, tls } = options
  const app = createApp(options)
  const stopped = new AbortController()
  const health = await serveHttp(listen.address, healthPort, healthRoutes(signal, registry), '--health-port')
  try {
    // An empty address is left to Node.js: `::` would fail where there is no IPv6.
    await app.listen({ host: listen.address, port: listen.port })
    const { port } = app.server.address() as { port: number }
    const closeLoopback = await openLoopback(app.server, listen.address)
    const following = tls ? followTls(tls, app, { clock, logger }, stopped.signal) : undefined
    logger.info({ port, healthPort: health.port, tls: tls !== undefined }, 'REST API started')
    onListening({ port, healthPort: health.port })
    await whenAborted(signal)
    // Balancers read /readyz, or hear of the pod's end: until then they still send requests here.
    await sleep(clock, config.shutdownDelaySeconds * 1000)
    stopped.abort()
    await following
    closeLoopback()
    await closeInTime(app, options)
  } finally {
    await health.close()
    logger.info('REST API stopped')
  }
}

/** The server with everything that it needs, not yet listening. */
export function createApp(options: AdminOptions): FastifyInstance {
  const { config, authenticator, issuer, tls, timeouts, registry, clock, logger } = options
  const { perClient, refusals } = config.rateLimits
  return createServer({
    routes: createRoutes(options),
    gate: new Gate({ authenticator, perClient, refusals, clock }),
    issuer,
    tls: tls?.read(),
    trustedProxies: config.trustedProxies,
    metrics: createHttpMetrics(registry),
    logger,
    timeouts,
  })
}

function createRoutes({ api, config, idCounter, connectorNamespace, listTopics, clock }: AdminOptions): Route[] {
  const namespaces = config.watchNamespaces
  const counter = new IdCounter({ api, ref: idCounter, namespaces, clock })
  const store = new ConnectorStore({ api, ids: new ConnectorIds({ api, counter, namespaces }), namespaces })
  const { realm, topicPatterns, roleArn } = config
  return [
    ...connectorRoutes(
      new ConnectorService({ api, store, counter, namespace: connectorNamespace, topics: { realm, topicPatterns } }),
    ),
    ...toolRoutes({ realm, topicPatterns, roleArn, listTopics, clock }),
  ]
}

/** `/healthz`: would a restart help? `/readyz`: should requests come here? Not when Kubernetes is away: then each answer says so. */
function healthRoutes(ending: AbortSignal, registry: Registry): HttpRoutes {
  return {
    '/healthz': () => textAnswer(200, 'ok'),
    '/readyz': () => (ending.aborted ? textAnswer(503, 'ending') : textAnswer(200, 'ok')),
    '/metrics': () => metricsAnswer(registry),
  }
}

async function closeInTime(app: FastifyInstance, { clock, logger }: AdminOptions): Promise<void> {
  const late = new AbortController()
  const cancel = clock.after(DRAIN_MS, () => {
    late.abort()
    logger.warn('requests that were under way are cut off')
    app.server.closeAllConnections()
  })
  try {
    await app.close()
  } catch (error) {
    logger.warn({ error: describeError(error) }, 'the server did not close well')
  } finally {
    cancel()
  }
}
