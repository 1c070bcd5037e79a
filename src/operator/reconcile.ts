import { OPERATOR_FIELD_MANAGER } from '../contract/names.ts'
import type { AnalyticsConnectorStatus } from '../contract/resource.ts'
import type { KubeApi } from '../kube/api.ts'
import { KubeApiError } from '../kube/errors.ts'
import type { EventRecorder } from '../kube/events.ts'
import { type AnalyticsConnector, CONNECTOR_STATUSES, CONNECTORS, type KubeObject } from '../kube/kinds.ts'
import type { Clock } from '../lib/clock.ts'
import { defined } from '../lib/defined.ts'
import type { Applier } from './apply.ts'
import type { Endings } from './endings.ts'
import { hasFinalizer, progressOfDeletion, setFinalizer, wantsFinalizer } from './finalize.ts'
import type { HeldProgress } from './held-progress.ts'
import { type IdentifyingParts, identify } from './identify.ts'
import { type Made, type MakingParts, makeSo } from './make-so.ts'
import { delivers, type Observed, observe, type Sources } from './observe.ts'
import type { Stalled } from './outcome-errors.ts'
import type { Outcome } from './queue.ts'
import { isSameStatus, statusOf } from './status.ts'
import { transitionsOf } from './transition.ts'

export interface ReconcileParts extends Sources, MakingParts, IdentifyingParts {
  readonly applier: Applier
  readonly endings: Endings
  readonly api: Pick<KubeApi, 'apply'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly heldProgress: HeldProgress
  readonly clock: Clock
  readonly random?: () => number
}

/** A routine look at everything, should an event ever have been missed: 10 to 12 minutes, not all at once. */
const RESYNC_MS = 600_000
/** An object in the way has no label of ours, so nothing tells when it is gone. */
const STALLED_RESYNC_MS = 30_000
/** Should nothing tell that pods or a Job have ended. */
const DELETION_LOOK_MS = 5_000
/** Should nothing tell that the references are known: often enough for a connector that has no pods yet. */
const REFERENCES_RETRY_MS = 250

/**
 * One pass over one connector: observe, decide what is to run, make it so, report. It starts from the state of the cluster
 * alone, so it does not matter which event led to it, nor whether an earlier pass was cut off.
 *
 * @throws {Waiting} to come again in a while; anything else thrown is tried again after a back-off
 */
export async function reconcile(key: string, parts: ReconcileParts): Promise<Outcome> {
  const observed = observe(key, parts)
  if (!observed) {
    // Deleted: owner references do the rest, and each pod drains on its SIGTERM.
    parts.applier.forget(key)
    parts.references.forget(key)
    parts.heldProgress.forget(key)
    parts.endings.forget(key)
    return { kind: 'done' }
  }
  if (observed.pods.some((pod) => delivers(pod))) parts.endings.forget(key)
  if (observed.deletedAtMs !== undefined) return endConnector(observed, parts)
  let stalled: Stalled | undefined
  if (hasFinalizer(observed) !== wantsFinalizer(observed)) {
    stalled = await setFinalizer(observed, wantsFinalizer(observed), parts.applier)
    // Its own event leads to the next pass.
    if (!stalled) return { kind: 'done' }
  }
  if (awaitsReferences(observed, parts)) return { kind: 'after', delayMs: REFERENCES_RETRY_MS }
  // What is delivered does not depend on the finalizer.
  const made = { ...defined({ stalled }), ...(await makeSo(observed, parts)) }
  const { id, resourceVersion, failure } = await identify(observed, parts)
  const heldMs = await report({ ...observed, resourceVersion }, made, parts, { id })
  if (failure) throw failure
  return sooner(nextLook(observed, made, parts), heldMs)
}

/** A pass over a connector that is being deleted, and whose consumer group is to go with it. */
async function endConnector(observed: Observed, parts: ReconcileParts): Promise<Outcome> {
  const progress = await progressOfDeletion(observed, parts)
  if (progress.kind === 'waits') {
    const heldMs = await report(observed, progress.made, parts, { deletion: progress.for })
    return sooner({ kind: 'after', delayMs: DELETION_LOOK_MS }, heldMs)
  }
  const stalled = await setFinalizer(observed, false, parts.applier)
  if (stalled) {
    const made = { deployment: observed.deployment, stalled }
    const heldMs = await report(observed, made, parts, {
      deletion: `its finalizer to be removed: ${stalled.message}`,
    })
    return sooner(nextLook(observed, made, parts), heldMs)
  }
  // Only then: had somebody been faster, the next pass would tell it a second time.
  if (progress.event) await parts.events.record(CONNECTORS, { metadata: { ...observed.owner } }, progress.event)
  return { kind: 'done' }
}

/** Pods made before the state of their Secrets is known would all be replaced a moment later, when it is. */
function awaitsReferences({ deployment, owner, spec }: Observed, { references }: ReconcileParts): boolean {
  return deployment === undefined && references.isPending(owner.namespace, spec)
}

/**
 * Writes the status, if it is another one, and tells of the transition.
 *
 * @returns for how many milliseconds it is held back, as it tells only of progress; 0 for a status that is as it should be
 */
async function report(
  observed: Observed,
  made: Made,
  parts: ReconcileParts,
  { id, deletion }: { readonly id?: number | undefined; readonly deletion?: string },
): Promise<number> {
  if (awaitsFirstReports(observed) && !made.stalled) return 0
  const { plan, stalled, deployment, template } = made
  const status = statusOf({
    connectorName: observed.owner.name,
    id,
    generation: observed.generation,
    active: plan?.active ?? observed.spec.active ?? true,
    replicas: plan?.replicas ?? 0,
    wantedReplicas: plan?.wantedReplicas,
    topicPartitions: plan?.topicPartitions,
    revision: plan?.revision,
    template,
    deployment,
    pods: observed.pods,
    stalled,
    restartRequestedAt: observed.restartRequestedAt,
    keeping: observed.keeping,
    idleMs: observed.idleMs,
    deletion,
    conflict: observed.conflict,
    ending: observed.ending,
    previous: observed.status,
    now: parts.clock.now(),
  })
  if (isSameStatus(observed.status, status)) {
    parts.heldProgress.forget(observed.key)
    return 0
  }
  const heldMs = parts.heldProgress.holdMs(observed.key, observed.status, status)
  if (heldMs > 0 || !(await writeStatus(observed, status, parts))) return heldMs
  for (const transition of transitionsOf(observed.status, status))
    await parts.events.record(CONNECTORS, { metadata: { ...observed.owner } }, transition)
  return 0
}

/**
 * An operator that has just begun has not asked the pods yet. Until it has, it knows less than the status that is already
 * there says, and leaves that alone, so that a restart does not show.
 */
function awaitsFirstReports({ pods, status, generation }: Observed): boolean {
  return status?.observedGeneration === generation && pods.some(({ report }) => report?.kind === 'pending')
}

/**
 * @returns false when the connector is gone
 * @throws KubeApiError 409 when the connector has changed since it was observed: the status would be of another time
 */
async function writeStatus(
  { key, owner, resourceVersion }: Observed,
  status: AnalyticsConnectorStatus,
  { api, ownWrites }: ReconcileParts,
): Promise<boolean> {
  const { namespace, name } = owner
  try {
    const object = { metadata: { namespace, name, resourceVersion }, status }
    const options = { fieldManager: OPERATOR_FIELD_MANAGER, subresource: 'status' } as const
    const written = await api.apply(CONNECTOR_STATUSES, object, options)
    ownWrites.remember(key, resourceVersion, written as AnalyticsConnector & KubeObject)
    return true
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return false
    throw error
  }
}

/** The next look, which comes as soon as what is held back of the status is due. */
function sooner(look: Outcome, heldMs: number): Outcome {
  if (heldMs === 0 || look.kind === 'retry') return look
  return { kind: 'after', delayMs: look.kind === 'after' ? Math.min(look.delayMs, heldMs) : heldMs }
}

function nextLook({ pods }: Observed, { stalled }: Made, { clock, random = Math.random }: ReconcileParts): Outcome {
  if (stalled) return stalled.isSlow ? { kind: 'retry' } : { kind: 'after', delayMs: STALLED_RESYNC_MS }
  // A pod that outlives its grace period is on a dead node, and one that does not begin is stuck; nothing tells when that is so.
  const overdueAtMs = pods.flatMap(({ endsAtMs, startsByMs }) => endsAtMs ?? startsByMs ?? [])
  const overdueInMs = overdueAtMs.map((ms) => ms - clock.now())
  const soonest = Math.min(...overdueInMs.filter((ms) => ms > 0).map((ms) => ms + 1_000))
  return { kind: 'after', delayMs: Math.min(soonest, RESYNC_MS * (1 + 0.2 * random())) }
}
