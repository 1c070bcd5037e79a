import type { KubeApi } from '../kube/api.ts'
import { ConnectorIds } from '../kube/connector-ids.ts'
import { inTime, withDeadline } from '../kube/deadline.ts'
import { isConflict, KubeApiError } from '../kube/errors.ts'
import { EventRecorder } from '../kube/events.ts'
import { IdCounter } from '../kube/id-counter.ts'
import {
  type AnalyticsConnector,
  CONFIG_MAPS,
  CONNECTORS,
  CRON_JOBS,
  DEPLOYMENTS,
  JOBS,
  type KubeObject,
  keyOf,
  type ObjectRef,
  POD_DISRUPTION_BUDGETS,
  PODS,
  type Pod,
  refOf,
  SERVICE_ACCOUNTS,
} from '../kube/kinds.ts'
import type { ReflectorEvent } from '../kube/reflector.ts'
import type { Clock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { whenAborted } from '../lib/lifecycle.ts'
import type { Logger } from '../lib/logger.ts'
import { turns } from '../lib/turns.ts'
import { Applier } from './apply.ts'
import { areKnown, Cache, connectorKeyOf, IndexedCache, isKnown } from './cache.ts'
import type { OperatorConfig } from './config.ts'
import { Conflicts } from './conflicts.ts'
import { CONTAINER_NAME } from './desired/deployment.ts'
import { Endings } from './endings.ts'
import { HeldProgress } from './held-progress.ts'
import { type ConnectorState, type OperatorMetrics, type ReconcileResult, stateOf } from './metrics.ts'
import type { Caches, IndexedLookup } from './observe.ts'
import { Waiting } from './outcome-errors.ts'
import { OwnWrites } from './own-writes.ts'
import { PodPoller } from './pod-poller.ts'
import { KeyQueue, type Outcome, type Priority, priorityOf } from './queue.ts'
import { type ReconcileParts, reconcile } from './reconcile.ts'
import { References } from './references.ts'
import {
  trimConfigMap,
  trimDeployment,
  trimObject,
  trimPod,
  trimPodDisruptionBudget,
  trimServiceAccount,
} from './trim.ts'

export interface ControllerOptions {
  readonly api: KubeApi
  readonly config: OperatorConfig
  /** The ConfigMap that counts the connectors' ids. */
  readonly idCounter: ObjectRef
  /** Name of this process, in Events. */
  readonly instance: string
  readonly getJson: (url: string, signal: AbortSignal) => Promise<unknown>
  readonly metrics: OperatorMetrics
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Longest time for one pass over one connector: a handful of requests, each answered within milliseconds where nothing is wrong
 * and within 30 s where an admission webhook hangs.
 */
const RECONCILE_DEADLINE_MS = 60_000
/** Where not everything that a pass goes by is known. */
const UNKNOWN_RETRY_MS = 1_000
/** Pods asked for their status at the same time. */
const POLL_CONCURRENCY = 32

/**
 * The wiring: caches that follow the cluster, a queue of connectors that something happened to, a poller of their pods, and
 * the workers that reconcile. The caches also run in a process that is not the leader, so that it can take over at once.
 */
export class Controller {
  readonly caches: {
    readonly [K in keyof Caches]: Caches[K] extends IndexedLookup<infer T extends KubeObject>
      ? IndexedCache<T>
      : Cache<NonNullable<ReturnType<Caches[K]['get']>>>
  }
  readonly queue: KeyQueue
  /** What each connector is now, for the metrics. */
  readonly states = new Map<string, ConnectorState>()
  readonly #options: ControllerOptions
  readonly #poller: PodPoller
  readonly #references: References
  readonly #conflicts: Conflicts
  readonly #parts: Omit<ReconcileParts, 'sink' | 'ids'>
  /** One for all passes, which share its requests. */
  readonly #idCounter: IdCounter
  /** Of the sink pods; known as soon as this process leads. */
  #sinkImage = ''
  #leading = false
  /** One for each pass under way. */
  readonly #passes = new Set<AbortController>()

  constructor(options: ControllerOptions) {
    const { api, config, idCounter, instance, getJson, metrics, clock, logger } = options
    this.#options = options
    this.caches = this.#createCaches()
    this.#poller = new PodPoller({
      getJson,
      clock,
      changingMs: config.statusPollSeconds.changing * 1000,
      steadyMs: config.statusPollSeconds.steady * 1000,
      concurrency: POLL_CONCURRENCY,
      onChange: (key, priority) => this.queue.add(key, priority),
    })
    this.#references = new References({
      api,
      clock,
      logger,
      kafka: config.kafka,
      onChange: (key) => this.queue.add(key, 'change'),
    })
    this.queue = new KeyQueue({
      clock,
      concurrency: config.concurrency,
      work: (key) => this.#work(key),
      observer: metrics.queue,
    })
    const defaults = {
      realm: config.realm,
      kafka: config.kafka,
      topicPatterns: config.topicPatterns,
      ...(config.bufferBytes === undefined ? {} : { bufferBytes: config.bufferBytes }),
    }
    this.#conflicts = new Conflicts({ defaults, onChange: (key) => this.queue.add(key, 'change') })
    this.#idCounter = new IdCounter({ api, ref: idCounter, namespaces: config.watchNamespaces, clock })
    this.#parts = {
      api,
      caches: this.caches,
      reportOf: (uid) => this.#poller.reportOf(uid),
      applier: new Applier(api, clock),
      ownWrites: new OwnWrites(),
      heldProgress: new HeldProgress(clock),
      references: this.#references,
      conflicts: this.#conflicts,
      endings: new Endings(),
      events: new EventRecorder({ api, controller: 'analytics-connector.io/operator', instance, logger, clock }),
      defaults,
      clock,
    }
  }

  get hasSynced(): boolean {
    return areKnown(this.caches, this.#options.config.watchNamespaces ?? [''])
  }

  /** The longest that any watch has neither heard nor asked anything, in milliseconds. */
  get silentMs(): number {
    return Math.max(...Object.values(this.caches).map((cache) => cache.silentMs))
  }

  /** Follows the cluster until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all(Object.values(this.caches).map((cache) => cache.run(signal)))
  }

  /** Asks the pods and reconciles until `signal` aborts; resolves when the last pass has ended. */
  async lead(signal: AbortSignal, sinkImage: string): Promise<void> {
    this.#sinkImage = sinkImage
    this.#leading = true
    const turn = turns(this.#options.clock)
    for (const pod of this.caches.pods.all()) {
      this.#followPod(pod, 'resync')
      await turn()
    }
    this.queue.start()
    await whenAborted(signal)
    this.#leading = false
    this.#poller.stop()
    this.#references.stop()
    // Another process may lead by now: no pass makes another call, whatever it was about to do.
    for (const pass of this.#passes) pass.abort()
    await this.queue.stop()
  }

  /** What gives ids in one pass, and no longer than it may take. */
  #idsUntil(deadline: AbortSignal, api: Pick<KubeApi, 'list' | 'patch'>): ConnectorIds {
    const namespaces = this.#options.config.watchNamespaces
    const counter = {
      next: () => inTime(deadline, () => this.#idCounter.next()),
      last: () => inTime(deadline, () => this.#idCounter.last()),
    }
    return new ConnectorIds({ api, namespaces, counter })
  }

  #createCaches(): Controller['caches'] {
    const onChange = (event: ReflectorEvent<KubeObject>) => {
      const key = connectorKeyOf(event.object)
      if (key !== undefined) this.queue.add(key, priorityOf(event))
    }
    const { api, config, clock, logger } = this.#options
    const common = { api, clock, logger, namespaces: config.watchNamespaces }
    const own = { ...common, select: 'own', onEvent: onChange } as const
    return {
      connectors: new Cache({
        ...common,
        kind: CONNECTORS,
        isCustom: true,
        select: 'all',
        trim: trimObject,
        onEvent: (event) => {
          this.#noteState(event)
          this.#conflicts.note(event)
          this.queue.add(keyOf(event.object), priorityOf(event))
        },
      }),
      deployments: new Cache({ ...own, kind: DEPLOYMENTS, trim: trimDeployment }),
      configMaps: new IndexedCache({ ...own, kind: CONFIG_MAPS, metadataOnly: true, trim: trimConfigMap }),
      serviceAccounts: new Cache({ ...own, kind: SERVICE_ACCOUNTS, trim: trimServiceAccount }),
      podDisruptionBudgets: new Cache({ ...own, kind: POD_DISRUPTION_BUDGETS, trim: trimPodDisruptionBudget }),
      jobs: new IndexedCache({ ...own, kind: JOBS, trim: trimObject }),
      cronJobs: new Cache({ ...own, kind: CRON_JOBS, trim: trimObject }),
      pods: new IndexedCache({
        ...own,
        kind: PODS,
        trim: trimPod,
        onEvent: (event) => {
          const isGone = event.type === 'delete'
          if (this.#leading) this.#followPod(event.object, priorityOf(event), isGone)
          this.#parts.endings.note(event.object, isGone)
          onChange(event)
        },
      }),
    }
  }

  #noteState({ type, object }: ReflectorEvent<AnalyticsConnector & KubeObject>): void {
    if (type === 'delete') this.states.delete(keyOf(object))
    else this.states.set(keyOf(object), stateOf(object))
  }

  /** Asks a pod whose sink runs; a pod that ends has said all that counts. */
  #followPod(pod: Pod, priority: Priority, isGone = false): void {
    const { uid = '', deletionTimestamp } = pod.metadata ?? {}
    const sink = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER_NAME)
    const key = connectorKeyOf(pod)
    const podIP = pod.status?.podIP
    if (isGone || deletionTimestamp || !sink?.state?.running || !podIP || key === undefined) this.#poller.forget(uid)
    else this.#poller.watch(uid, key, podIP, priority)
  }

  async #work(key: string): Promise<Outcome> {
    const { clock, metrics } = this.#options
    // The rights in this namespace have only just come.
    if (!isKnown(this.caches, refOf(key).namespace)) return { kind: 'after', delayMs: UNKNOWN_RETRY_MS }
    const begun = clock.elapsed()
    const [outcome, result] = await this.#reconcile(key)
    metrics.reconciled(result, (clock.elapsed() - begun) / 1000)
    return outcome
  }

  async #reconcile(key: string): Promise<[Outcome, ReconcileResult]> {
    const { api, config, clock } = this.#options
    const pass = new AbortController()
    this.#passes.add(pass)
    const cancel = clock.after(RECONCILE_DEADLINE_MS, () => pass.abort())
    const bounded = withDeadline(api, pass.signal)
    try {
      const sink = { image: this.#sinkImage, drainSeconds: config.drainSeconds, resources: config.sinkResources }
      const applier = this.#parts.applier.over(bounded)
      const ids = this.#idsUntil(pass.signal, bounded)
      const outcome = await reconcile(key, { ...this.#parts, api: bounded, applier, ids, sink })
      return [outcome, outcome.kind === 'after' ? 'requeue_after' : 'success']
    } catch (error) {
      return this.#outcomeOf(key, error)
    } finally {
      cancel()
      this.#passes.delete(pass)
    }
  }

  #outcomeOf(key: string, error: unknown): [Outcome, ReconcileResult] {
    const { logger } = this.#options
    if (!this.#leading) {
      logger.info({ connector: key, error: describeError(error) }, 'given up, as this process leads no more')
      return [{ kind: 'done' }, 'error']
    }
    if (error instanceof Waiting) {
      logger.info({ connector: key, reason: error.message }, 'waiting')
      return [{ kind: 'after', delayMs: error.delayMs }, 'requeue_after']
    }
    const retryAfterMs = error instanceof KubeApiError ? error.retryAfterMs : undefined
    // Somebody was faster: the next look sees what they did. Nothing went wrong.
    if (isConflict(error)) logger.debug({ connector: key }, 'changed meanwhile, looking again')
    else logger.warn({ connector: key, error: describeError(error) }, 'reconcile failed, trying again')
    return [{ kind: 'retry', ...(retryAfterMs === undefined ? {} : { delayMs: retryAfterMs }) }, 'error']
  }
}
