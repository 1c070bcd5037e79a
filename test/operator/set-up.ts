import type { Transition } from '../../src/kube/events.ts'
import { DEPLOYMENTS, type Deployment, PODS } from '../../src/kube/kinds.ts'
import { Applier } from '../../src/operator/apply.ts'
import { Endings } from '../../src/operator/endings.ts'
import { HeldProgress } from '../../src/operator/held-progress.ts'
import { OwnWrites } from '../../src/operator/own-writes.ts'
import type { PodReport } from '../../src/operator/pod-poller.ts'
import { type ReconcileParts, reconcile } from '../../src/operator/reconcile.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { aKubePod, DEFAULTS, says } from './builders.ts'
import { Cluster } from './cluster.ts'

export const KEY = 'games/events'
export const SINK_KEY = 'games/events-sink'

/** A reconciler of one connector, and the cluster that it sees. */
export function setUp() {
  const cluster = new Cluster()
  const events: Transition[] = []
  const clock = new FakeClock()
  const reports = new Map<string, PodReport>()
  const references: { version: string | undefined; isPending: boolean } = { version: '', isPending: false }
  const parts: ReconcileParts = {
    api: cluster.api,
    caches: cluster.caches,
    reportOf: (uid) => reports.get(uid),
    applier: new Applier(cluster.api, clock),
    ids: { ensure: async (connector) => ({ id: 1, connector }) },
    ownWrites: new OwnWrites(),
    heldProgress: new HeldProgress(clock),
    references: { versionOf: () => references.version, isPending: () => references.isPending, forget: () => {} },
    conflicts: { of: () => undefined },
    endings: new Endings(),
    events: { record: async (_kind, _object, transition) => void events.push(transition) },
    defaults: DEFAULTS,
    sink: { image: 'i', drainSeconds: 45, resources: { limits: { memory: '512Mi' } } },
    clock,
    random: () => 0,
  }
  const pass = async () => {
    cluster.writes.length = 0
    const outcome = await reconcile(KEY, parts)
    return { outcome, writes: [...cluster.writes] }
  }
  const status = () => cluster.connector().status
  return { cluster, events, clock, reports, references, parts, pass, status }
}

/** Of the sink's configuration with which new pods start. */
export function revisionOf(cluster: Cluster): string {
  return cluster.get(DEPLOYMENTS, SINK_KEY)?.metadata?.annotations?.['analytics-connector.io/revision'] ?? ''
}

/** Kubernetes does its part: the Deployment is rolled out with one pod, which says that it delivers. */
export function rollOut({ cluster, reports }: ReturnType<typeof setUp>, pods = 1): void {
  const deployment = cluster.get(DEPLOYMENTS, SINK_KEY) as Deployment
  const status = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: pods,
    updatedReplicas: pods,
    availableReplicas: pods,
  }
  cluster.put(DEPLOYMENTS, { ...deployment, status })
  const annotations = deployment.spec?.template.metadata?.annotations ?? {}
  const revision = annotations['analytics-connector.io/revision'] ?? ''
  cluster.remove(PODS, 'games/events-sink-1')
  if (pods === 0) return
  const pod = aKubePod()
  cluster.put(PODS, { ...pod, metadata: { ...pod.metadata, annotations } })
  reports.set('pod-1', says('ACTIVE', { revision }))
}

/** The same, with a connector whose pod delivers and whose status says so. */
export async function setUpDelivering(): Promise<ReturnType<typeof setUp>> {
  const set = setUp()
  set.cluster.addConnector()
  await set.pass()
  rollOut(set)
  await set.pass()
  return set
}
