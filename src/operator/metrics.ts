import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { type AnalyticsConnector, type KubeObject, keyOf } from '../kube/kinds.ts'
import type { QueueObserver } from './queue.ts'

/** The one controller of this program, as a label: `controller` and workqueue `name`. */
const CONTROLLER = 'analyticsconnector'
/** controller-runtime's buckets, in seconds. */
const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** client-go's buckets of the work queue, in seconds. */
const QUEUE_SECONDS = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000]

export type ReconcileResult = 'success' | 'requeue_after' | 'error'

export interface OperatorMetrics {
  readonly queue: QueueObserver
  reconciled(result: ReconcileResult, seconds: number): void
}

export interface ConnectorState {
  /** `<namespace>/<name>`, as in the sinks' metrics. */
  readonly connector: string
  /** Of its status document; empty while there is none. */
  readonly status: string
  readonly isReady: boolean
  /** Offsets that expired before they were delivered, since the connector was made. */
  readonly lostOffsets: number
  /** Whether its place in Kafka is kept while it delivers nothing; undefined while its sinks keep it. */
  readonly areOffsetsKept: boolean | undefined
}

/** By its status. Ready speaks of one generation: what the newest spec asks for is not known to be so before somebody has looked at it. */
export function stateOf(object: AnalyticsConnector & KubeObject): ConnectorState {
  const { connector, conditions = [], lost, observedGeneration } = object.status ?? {}
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  const kept = conditions.find(({ type }) => type === 'OffsetsKept')
  return {
    connector: keyOf(object),
    status: connector?.status ?? '',
    isReady: isReady && observedGeneration === object.metadata.generation,
    lostOffsets: lost?.offsets ?? 0,
    areOffsetsKept: kept && kept.status !== 'False',
  }
}

/** What is read at the moment of the scrape. */
export interface MetricSources {
  readonly queueDepth: () => number
  readonly longestWorkMs: () => number
  readonly unfinishedWorkMs: () => number
  readonly activeWorkers: () => number
  readonly concurrency: number
  readonly isLeader: () => boolean
  readonly connectors: () => Iterable<ConnectorState>
}

/** The operator's metrics under the names that controller-runtime has made common, so that its dashboards and alerts fit. */
export function createOperatorMetrics(registry: Registry): OperatorMetrics {
  const registers = [registry]
  const labels = { controller: CONTROLLER }
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by result.',
    labelNames: ['controller', 'result'],
    registers,
  })
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed and are tried again.',
    labelNames: ['controller'],
    registers,
  })
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Duration of a reconcile.',
    labelNames: ['controller'],
    buckets: RECONCILE_SECONDS,
    registers,
  })
  errors.inc(labels, 0)
  return {
    queue: createQueueObserver(registry),
    reconciled: (result, seconds) => {
      total.inc({ ...labels, result })
      if (result === 'error') errors.inc(labels)
      time.observe(labels, seconds)
    },
  }
}

function createQueueObserver(registry: Registry): QueueObserver {
  const options = { labelNames: ['name'], registers: [registry] }
  const labels = { name: CONTROLLER }
  const adds = new Counter({ ...options, name: 'workqueue_adds_total', help: 'Keys that were added.' })
  const retries = new Counter({
    ...options,
    name: 'workqueue_retries_total',
    help: 'Keys that were put back after a failure.',
  })
  const waited = new Histogram({
    ...options,
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a key was due before it was taken.',
    buckets: QUEUE_SECONDS,
  })
  const worked = new Histogram({
    ...options,
    name: 'workqueue_work_duration_seconds',
    help: 'How long a key was worked on.',
    buckets: QUEUE_SECONDS,
  })
  return {
    added: () => adds.inc(labels),
    retried: () => retries.inc(labels),
    taken: (ms) => waited.observe(labels, ms / 1000),
    finished: (ms) => worked.observe(labels, ms / 1000),
  }
}

/** Gauges that are read when they are scraped. */
export function registerSources(registry: Registry, sources: MetricSources, leaseName: string): void {
  const registers = [registry]
  gauge(registry, 'workqueue_depth', 'Keys that are due and not yet taken.', sources.queueDepth)
  gauge(
    registry,
    'workqueue_longest_running_processor_seconds',
    'Age of the oldest work in progress.',
    () => sources.longestWorkMs() / 1000,
  )
  gauge(
    registry,
    'workqueue_unfinished_work_seconds',
    'Time that the work in progress has taken so far, summed up.',
    () => sources.unfinishedWorkMs() / 1000,
  )
  const ofController = { label: 'controller' }
  const [busy, most] = ['controller_runtime_active_workers', 'controller_runtime_max_concurrent_reconciles']
  gauge(registry, busy, 'Connectors that are reconciled now.', sources.activeWorkers, ofController)
  gauge(registry, most, 'Connectors reconciled at the same time at most.', () => sources.concurrency, ofController)
  new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process is the leader.',
    labelNames: ['name'],
    registers,
    collect() {
      this.set({ name: leaseName }, sources.isLeader() ? 1 : 0)
    },
  })
  registerConnectors(registers, sources.connectors)
}

/** One series at most for each connector of what it is now, and their number by status. */
function registerConnectors(registers: Registry[], connectors: MetricSources['connectors']): void {
  new Gauge({
    name: 'analytics_connector_connectors',
    help: 'Connectors by the status of their status document.',
    labelNames: ['status'],
    registers,
    collect() {
      this.reset()
      for (const { status } of connectors()) this.inc({ status })
    },
  })
  const each = (name: string, help: string, seriesOf: SeriesOf, labelNames = ['connector']) =>
    new GaugeOfEach({ name, help, labelNames, registers }, connectors, seriesOf)
  each(
    'analytics_connector_status',
    '1 for the status that the connector has now.',
    ({ connector, status }) => ({ labels: { connector, status }, value: 1 }),
    ['connector', 'status'],
  )
  each('analytics_connector_ready', '1 while what the spec asks for is so.', ({ connector, isReady }) => ({
    labels: { connector },
    value: isReady ? 1 : 0,
  }))
  each(
    'analytics_connector_lost_offsets',
    'Offsets that expired in Kafka before they were delivered, since the connector was made; status.lost names the ranges.',
    ({ connector, lostOffsets }) => ({ labels: { connector }, value: lostOffsets }),
  )
  each(
    'analytics_connector_offsets_kept',
    'Of each connector that has the condition OffsetsKept, as nothing of it runs or delivers: 0 while that is False, 1 otherwise.',
    ({ connector, areOffsetsKept }) =>
      areOffsetsKept === undefined ? undefined : { labels: { connector }, value: areOffsetsKept ? 1 : 0 },
  )
}

interface Series {
  readonly labels: Record<string, string>
  readonly value: number
}

type SeriesOf = (state: ConnectorState) => Series | undefined

/**
 * A gauge whose series are made at the scrape and dropped after it. prom-client's own keeps a hash, labels and a value for each until the next
 * one: with ten thousand connectors, 4 MiB.
 */
class GaugeOfEach extends Gauge {
  readonly #connectors: MetricSources['connectors']
  readonly #seriesOf: SeriesOf

  constructor(
    options: ConstructorParameters<typeof Gauge>[0],
    connectors: MetricSources['connectors'],
    seriesOf: SeriesOf,
  ) {
    super(options)
    this.#connectors = connectors
    this.#seriesOf = seriesOf
  }

  override async get() {
    return { ...(await super.get()), values: [...this.#connectors()].flatMap((state) => this.#seriesOf(state) ?? []) }
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number, { label = 'name' } = {}): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.set({ [label]: CONTROLLER }, read())
    },
  })
}
