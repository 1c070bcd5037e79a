import { defaultGroupId } from '../contract/defaults.ts'
import { GROUP_FINALIZER } from '../contract/names.ts'
import type { Transition } from '../kube/events.ts'
import { JOBS } from '../kube/kinds.ts'
import type { Applier } from './apply.ts'
import type { Plan } from './checks.ts'
import { deleteGroupOf } from './desired/objects.ts'
import { type Made, makeSo } from './make-so.ts'
import type { Observed } from './observe.ts'
import { NamespaceEnding, Stalled } from './outcome-errors.ts'
import type { ReconcileParts } from './reconcile.ts'

/** From the end of the sinks' time to drain: a Job takes five minutes at most, and what is between is seconds. */
const GIVE_UP_AFTER_MS = 600_000

/** Whether the connector should have the finalizer; it has it only where its deletion takes work. */
export function wantsFinalizer({ spec }: Pick<Observed, 'spec'>): boolean {
  return spec.deletionPolicy === 'DeleteConsumerGroup'
}

export function hasFinalizer({ finalizers }: Pick<Observed, 'finalizers'>): boolean {
  return finalizers.includes(GROUP_FINALIZER)
}

/**
 * Adds or removes the finalizer.
 *
 * @returns why the server does not want it so; undefined when it is so
 * @throws KubeApiError 409 when the connector has changed since it was observed
 */
export async function setFinalizer(
  observed: Observed,
  isWanted: boolean,
  applier: Pick<Applier, 'setFinalizers'>,
): Promise<Stalled | undefined> {
  const others = observed.finalizers.filter((each) => each !== GROUP_FINALIZER)
  try {
    await applier.setFinalizers(observed, isWanted ? [...others, GROUP_FINALIZER] : others)
    return undefined
  } catch (error) {
    if (error instanceof Stalled) return error
    throw error
  }
}

/** How far the deletion is: it waits for something, or the connector is let go, with an Event. */
type Progress =
  | { readonly kind: 'waits'; readonly for: string; readonly made: Made }
  | { readonly kind: 'over'; readonly event?: Transition }

/**
 * What a connector that is being deleted together with its consumer group still waits for: its sinks are ended, then a Job deletes
 * the group, unless another connector has it too and would lose its place. Nothing holds the connector for ever: what cannot be done is told in an Event, and the connector is let go. A namespace
 * that ends takes no new pods, and changing the policy to Retain lets go at once.
 */
export async function progressOfDeletion(observed: Observed, parts: ReconcileParts): Promise<Progress> {
  if (!wantsFinalizer(observed)) return { kind: 'over' }
  const { pods, deleteGroup } = observed
  if (deleteGroup?.kind === 'succeeded') return { kind: 'over', event: deleted(observed) }
  if (deleteGroup?.kind === 'failed') return { kind: 'over', event: kept(observed, deleteGroup.why) }
  if (observed.conflict?.reason === 'ConsumerGroupConflict') {
    return { kind: 'over', event: kept(observed, `it is not this connector's alone (${observed.conflict.message})`) }
  }
  const waitsFor = pods.length > 0 ? 'its pods to end' : 'its consumer group to be deleted'
  const nowMs = parts.clock.now()
  if (nowMs > begunAtMs(observed, nowMs) + parts.sink.drainSeconds * 1000 + GIVE_UP_AFTER_MS)
    return { kind: 'over', event: kept(observed, `waited too long for ${waitsFor}`) }
  try {
    const made = await makeSo(observed, parts)
    if (made.stalled) throw made.stalled
    if (made.plan && pods.length === 0 && !deleteGroup) await startDeletingGroup(observed, made.plan, parts)
    return { kind: 'waits', for: waitsFor, made }
  } catch (error) {
    if (error instanceof Stalled || error instanceof NamespaceEnding)
      return { kind: 'over', event: kept(observed, error.message) }
    throw error
  }
}

/** As the status tells it: the deletion may have been asked for long before, while there was no operator, and is timed by another machine's clock. */
function begunAtMs({ status }: Observed, nowMs: number): number {
  const isBegun = status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'Deleting')
  return isBegun && status?.connector ? Date.parse(status.connector.time) : nowMs
}

async function startDeletingGroup(observed: Observed, plan: Plan, { applier, sink }: ReconcileParts): Promise<void> {
  const job = { kind: JOBS, object: deleteGroupOf(observed, plan, sink), live: undefined }
  for (const each of await applier.findConflicts(observed, [job])) await applier.apply(observed.key, each)
}

function groupOf({ spec, owner }: Observed): string {
  return `consumer group ${spec.kafka?.groupId ?? defaultGroupId(owner)}`
}

function deleted(observed: Observed): Transition {
  const note = `${groupOf(observed)} was deleted with the connector`
  return { type: 'Normal', reason: 'ConsumerGroupDeleted', action: 'Delete', note }
}

function kept(observed: Observed, why: string): Transition {
  const note = `${groupOf(observed)} stays in Kafka: ${why}`
  return { type: 'Warning', reason: 'ConsumerGroupKept', action: 'Delete', note }
}
