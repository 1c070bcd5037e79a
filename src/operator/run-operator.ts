import type { Registry } from 'prom-client'
import type { KubeApi } from '../kube/api.ts'
import { LeaderElection } from '../kube/leader-election.ts'
import type { Clock } from '../lib/clock.ts'
import { sleep } from '../lib/clock.ts'
import { type HttpRoutes, serveHttp, textAnswer } from '../lib/http-server.ts'
import type { Logger } from '../lib/logger.ts'
import { metricsAnswer } from '../lib/metrics.ts'
import type { OperatorConfig } from './config.ts'
import { Controller } from './controller.ts'
import { jsonGetter } from './get-json.ts'
import { createOperatorMetrics, registerSources } from './metrics.ts'

export interface OperatorOptions {
  readonly api: KubeApi
  readonly config: OperatorConfig
  readonly sinkImage: string
  /** Where health and metrics are served; port 0 for any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Undefined: this process leads without asking anybody. */
  readonly lease: { readonly namespace: string; readonly name: string } | undefined
  /** Unique to this process. */
  readonly identity: string
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** A reconcile is a handful of requests of 30 s at most; one that takes longer than this will never end. */
const STUCK_MS = 300_000

/**
 * Runs the operator until `signal` aborts.
 *
 * @returns 'lost' when another process has, or may have, the leader lease: this one must end
 * @throws the error of listening
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<'stopped' | 'lost'> {
  const { api, config, sinkImage, identity, registry, clock, logger, listen } = options
  const metrics = createOperatorMetrics(registry)
  const pods = jsonGetter()
  const controller = new Controller({
    api,
    config,
    sinkImage,
    instance: identity,
    getJson: pods.getJson,
    metrics,
    clock,
    logger,
  })
  const leadership = options.lease && new LeaderElection({ api, ...options.lease, identity, clock, logger })
  registerSources(registry, sourcesOf(controller, leadership), options.lease?.name ?? 'none')
  const http = await serveHttp(listen.address, listen.port, operatorRoutes(controller, registry))
  logger.info({ port: http.port, namespaces: config.watchNamespaces ?? 'all' }, 'operator started')

  const ended = new AbortController()
  const stop = AbortSignal.any([signal, ended.signal])
  const following = controller.follow(stop)
  try {
    await untilSynced(controller, clock, stop)
    const lead = (leading: AbortSignal) => controller.lead(leading)
    if (leadership) return await leadership.run(stop, lead)
    await lead(stop)
    return 'stopped'
  } finally {
    ended.abort()
    await following
    await Promise.all([pods.close(), http.close()])
    logger.info('operator stopped')
  }
}

async function untilSynced(controller: Controller, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!controller.hasSynced && !signal.aborted) await sleep(clock, 20, signal)
}

function sourcesOf({ queue, caches }: Controller, leadership: LeaderElection | undefined) {
  return {
    queueDepth: () => queue.depth,
    longestWorkMs: () => queue.longestWorkMs,
    isLeader: () => leadership?.isLeader ?? true,
    connectorsByStatus: () => {
      const counts = new Map<string, number>()
      for (const { status } of caches.connectors.all()) {
        const word = status?.connector?.status ?? ''
        counts.set(word, (counts.get(word) ?? 0) + 1)
      }
      return counts
    },
  }
}

/** `/healthz`: would a restart help? `/readyz`: does this process know the cluster, so that it can lead? */
function operatorRoutes(controller: Controller, registry: Registry): HttpRoutes {
  return {
    '/healthz': () =>
      controller.queue.longestWorkMs < STUCK_MS
        ? textAnswer(200, 'ok')
        : textAnswer(503, `a reconcile has been going on for ${Math.round(controller.queue.longestWorkMs / 1000)} s`),
    '/readyz': () => (controller.hasSynced ? textAnswer(200, 'ok') : textAnswer(503, 'still reading the cluster')),
    '/metrics': () => metricsAnswer(registry),
  }
}
