import type { Registry } from 'prom-client'
import type { KubeApi } from '../kube/api.ts'
import type { ObjectRef } from '../kube/kinds.ts'
import { LeaderElection } from '../kube/leader-election.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { type HttpRoutes, serveHttp, textAnswer } from '../lib/http-server.ts'
import type { Logger } from '../lib/logger.ts'
import { metricsAnswer } from '../lib/metrics.ts'
import type { OperatorConfig } from './config.ts'
import { Controller } from './controller.ts'
import { jsonGetter } from './get-json.ts'
import { createOperatorMetrics, type MetricSources, registerSources } from './metrics.ts'

export interface OperatorOptions {
  readonly api: KubeApi
  readonly config: OperatorConfig
  /**
   * Finds the image of the sink pods; asked when this process is about to lead, so that an API server that is away keeps nobody from
   * serving health and following. Undefined when the signal aborts.
   */
  readonly sinkImage: (signal: AbortSignal) => Promise<string | undefined>
  /** The ConfigMap that counts the connectors' ids. */
  readonly idCounter: ObjectRef
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

/** Every reconcile has a deadline far below this, so one that takes longer will never end, and a queue that stands still so long will not move again. */
const STUCK_MS = 300_000
/** A watch that hears nothing is given up and begun anew after three minutes; one that does not even do that has stopped for good. */
const SILENT_MS = 900_000

/**
 * Runs the operator until `signal` aborts.
 *
 * @returns 'lost' when another process has, or may have, the leader lease: this one must end
 * @throws the errors of listening and of `sinkImage`
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<'stopped' | 'lost'> {
  const { api, config, sinkImage, idCounter, identity, registry, clock, logger, listen } = options
  const metrics = createOperatorMetrics(registry)
  const pods = jsonGetter()
  const controller = new Controller({
    api,
    config,
    idCounter,
    instance: identity,
    getJson: pods.getJson,
    metrics,
    clock,
    logger,
  })
  const leadership = options.lease && new LeaderElection({ api, ...options.lease, identity, clock, logger })
  registerSources(registry, sourcesOf(controller, config, leadership), options.lease?.name ?? 'none')
  const http = await serveHttp(listen.address, listen.port, operatorRoutes(controller, registry))
  logger.info({ port: http.port, namespaces: config.watchNamespaces ?? 'all' }, 'operator started')

  const ended = new AbortController()
  const stop = AbortSignal.any([signal, ended.signal])
  const following = controller.follow(stop)
  try {
    await untilSynced(controller, clock, stop)
    const lead = async (leading: AbortSignal) => {
      const image = await sinkImage(leading)
      if (image !== undefined) await controller.lead(leading, image)
    }
    if (leadership) return await leadership.run(stop, lead)
    await lead(stop)
    return 'stopped'
  } finally {
    ended.abort()
    await following
    pods.close()
    await http.close()
    logger.info('operator stopped')
  }
}

async function untilSynced(controller: Controller, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!controller.hasSynced && !signal.aborted) await sleep(clock, 20, signal)
}

function sourcesOf(
  { queue, states }: Controller,
  { concurrency }: OperatorConfig,
  leadership: LeaderElection | undefined,
): MetricSources {
  return {
    queueDepth: () => queue.depth,
    longestWorkMs: () => queue.longestWorkMs,
    unfinishedWorkMs: () => queue.unfinishedWorkMs,
    activeWorkers: () => queue.active,
    concurrency,
    isLeader: () => leadership?.isLeader ?? true,
    connectors: () => states.values(),
  }
}

/** `/healthz`: would a restart help? `/readyz`: does this process know the cluster, so that it can lead? */
function operatorRoutes(controller: Controller, registry: Registry): HttpRoutes {
  return {
    '/healthz': () => {
      const problem = whyRestart(controller)
      return problem === undefined ? textAnswer(200, 'ok') : textAnswer(503, problem)
    },
    '/readyz': () => (controller.hasSynced ? textAnswer(200, 'ok') : textAnswer(503, 'still reading the cluster')),
    '/metrics': () => metricsAnswer(registry),
  }
}

/** Why only a restart helps; undefined while one would not. An API server that is away is no reason. */
export function whyRestart({ queue, silentMs }: { queue: Progress; silentMs: number }): string | undefined {
  const { longestWorkMs, standstillMs } = queue
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
  if (longestWorkMs >= STUCK_MS) return `a reconcile has been going on for ${seconds(longestWorkMs)}`
  if (standstillMs >= STUCK_MS) return `connectors are due and none was looked at for ${seconds(standstillMs)}`
  if (silentMs >= SILENT_MS) return `a watch has neither heard nor asked anything for ${seconds(silentMs)}`
  return undefined
}

type Progress = Pick<Controller['queue'], 'longestWorkMs' | 'standstillMs'>
