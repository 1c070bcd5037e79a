import { CONNECTOR_LABEL, REVISION_ANNOTATION } from '../../src/contract/names.ts'
import type { AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import type { Deployment, Pod } from '../../src/kube/kinds.ts'
import { type Owner, ownerReference, TEMPLATE_ANNOTATION } from '../../src/operator/desired/metadata.ts'
import type { Observed, ObservedPod } from '../../src/operator/observe.ts'
import type { PodReport, PodStatus } from '../../src/operator/pod-poller.ts'
import type { Situation } from '../../src/operator/status.ts'
import { aSinkStatus } from '../support/sink-status.ts'

export const NOW = Date.parse('2026-03-01T12:00:00Z')
export const OWNER: Owner = { namespace: 'games', name: 'events', uid: 'uid-1' }
export const DEFAULTS = {
  realm: 'dev',
  kafka: { bootstrapServers: ['kafka:9092'] },
  topicPatterns: { game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}' },
}

export function aSpec(overrides: Partial<AnalyticsConnectorSpec> = {}): AnalyticsConnectorSpec {
  return {
    storageType: 'KAFKA_S3',
    config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
    filter: { acme: ['*'] },
    ...overrides,
  }
}

const NOT_YET_KEPT = { sinceMs: undefined, renewedAt: undefined, failure: undefined }

export function anObserved(overrides: Partial<Observed> = {}): Observed {
  return {
    key: 'games/events',
    owner: OWNER,
    generation: 1,
    resourceVersion: '100',
    finalizers: [],
    deletedAtMs: undefined,
    spec: aSpec(),
    status: undefined,
    restartRequestedAt: undefined,
    deployment: undefined,
    references: '',
    serviceAccount: undefined,
    podDisruptionBudget: undefined,
    configMaps: [],
    pods: [],
    keepOffsets: undefined,
    keeping: NOT_YET_KEPT,
    deleteGroup: undefined,
    idleMs: 0,
    conflict: undefined,
    ending: undefined,
    ...overrides,
  }
}

/** What is kept of it. */
export function says(state: SinkStatus['state'], overrides: Partial<PodStatus> = {}): PodReport {
  const { error, revision, topicPartitions, lost } = aSinkStatus()
  return { kind: 'status', status: { state, error, revision, topicPartitions, lost, ...overrides } }
}

/** A pod of the wanted template that delivers. */
export function aPod(overrides: Partial<ObservedPod> = {}): ObservedPod {
  return {
    name: 'events-sink-1',
    revision: 'bbb',
    template: 'new',
    endsAtMs: undefined,
    startsByMs: undefined,
    problem: undefined,
    report: says('ACTIVE'),
    ...overrides,
  }
}

/** A pod of the template before, which still delivers. */
export function anOldPod(overrides: Partial<ObservedPod> = {}): ObservedPod {
  const report = says('ACTIVE', { revision: 'aaa' })
  return aPod({ name: 'events-sink-0', revision: 'aaa', template: 'old', report, ...overrides })
}

/** A Deployment whose rollout of `pods` pods is complete, but for `status`. */
export function aDeployment(pods: number, status: Partial<NonNullable<Deployment['status']>> = {}): Deployment {
  return {
    metadata: { name: 'events-sink', namespace: 'games', generation: 2 },
    status: {
      observedGeneration: 2,
      replicas: pods,
      updatedReplicas: pods,
      readyReplicas: pods,
      availableReplicas: pods,
      ...status,
    },
  }
}

/** One pod, as wanted, that delivers. */
export function aSituation(overrides: Partial<Situation> = {}): Situation {
  return {
    connectorName: 'events',
    id: undefined,
    generation: 3,
    active: true,
    replicas: 1,
    wantedReplicas: overrides.replicas ?? 1,
    topicPartitions: undefined,
    revision: 'bbb',
    template: 'new',
    deployment: aDeployment(overrides.replicas ?? 1),
    pods: [aPod()],
    stalled: undefined,
    restartRequestedAt: undefined,
    keeping: NOT_YET_KEPT,
    deletion: undefined,
    idleMs: 0,
    conflict: undefined,
    ending: undefined,
    previous: undefined,
    now: NOW,
    ...overrides,
  }
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]

/** A pod as the API server shows it. */
export function aKubePod(
  container: Partial<ContainerStatus> = {},
  status: Partial<NonNullable<Pod['status']>> = {},
): Pod {
  return {
    metadata: {
      name: 'events-sink-1',
      namespace: 'games',
      uid: 'pod-1',
      resourceVersion: '1',
      labels: { [CONNECTOR_LABEL]: 'events' },
      annotations: { [REVISION_ANNOTATION]: 'bbb', [TEMPLATE_ANNOTATION]: 'new' },
      ownerReferences: [ownerReference(OWNER)],
    },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [],
      containerStatuses: [
        { name: 'sink', image: 'i', imageID: 'i', ready: false, restartCount: 0, state: { running: {} }, ...container },
      ],
      ...status,
    },
  }
}
