import type { OperatorDefaults } from '../contract/resolve.ts'
import { CONFIG_MAPS, type Deployment } from '../kube/kinds.ts'
import type { Applier } from './apply.ts'
import { existingRevisions, type Plan, planOf } from './checks.ts'
import { TEMPLATE_ANNOTATION } from './desired/metadata.ts'
import { revisionsToDelete } from './desired/mounted-revisions.ts'
import { type Desired, desiredObjects, type SinkDefaults } from './desired/objects.ts'
import type { Observed } from './observe.ts'
import { Stalled } from './outcome-errors.ts'

export interface MakingParts {
  readonly applier: Applier
  readonly defaults: OperatorDefaults
  readonly sink: SinkDefaults
}

/** What came of the attempt to make things as they should be. */
export interface Made {
  readonly plan?: Plan
  readonly template?: string | undefined
  readonly deployment: Deployment | undefined
  readonly stalled?: Stalled
}

/**
 * Decides what is to run and applies it.
 *
 * @throws {Waiting} when it is not time yet; KubeApiError for what is tried again
 */
export async function makeSo(observed: Observed, { applier, defaults, sink }: MakingParts): Promise<Made> {
  let made: Made = { deployment: observed.deployment }
  try {
    const plan = planOf(observed, defaults)
    const { before, deployment, after, obsolete, ofOldPods } = desiredObjects(observed, plan, sink)
    const template = deployment.object.spec?.template.metadata?.annotations?.[TEMPLATE_ANNOTATION]
    made = { ...made, plan, template }
    const [live, ...others] = await applier.findConflicts(observed, [deployment, ...before])
    for (const each of others) await applier.apply(observed.key, each)
    made = { ...made, deployment: await applier.apply(observed.key, { ...deployment, live: live?.live as Deployment }) }
    for (const each of await applier.findConflicts(observed, after)) await applier.apply(observed.key, each)
    const ofNoPods = hasOnlyNewPods(made.deployment) ? ofOldPods : []
    const unneeded = [...obsolete, ...ofNoPods, ...oldRevisions(observed, plan)]
    for (const { kind, live } of unneeded) if (live) await applier.remove(observed, kind, live)
    return made
  } catch (error) {
    if (!(error instanceof Stalled)) throw error
    made = { ...made, stalled: error }
    // What hung may hang again, and then the pass would end before it has reported anything.
    if (observed.spec.active !== false || error.isSlow) return made
    return { ...made, deployment: await stopPods({ ...observed, deployment: made.deployment }, applier) }
  }
}

function oldRevisions(observed: Observed, { mountedRevisions }: Plan): Pick<Desired, 'kind' | 'live'>[] {
  const existing = existingRevisions(observed)
  // The last one that ran fully is that of pods which Kubernetes makes again, should one go while a newer revision fails.
  const inUse = [observed.status?.revision, ...observed.pods.map(({ revision }) => revision)]
  const usedByPods = new Set(inUse.filter((revision) => revision !== undefined))
  const old = new Set(revisionsToDelete(existing, mountedRevisions, usedByPods))
  return existing.flatMap(({ revision, configMap }) =>
    old.has(revision) ? { kind: CONFIG_MAPS, live: configMap } : [],
  )
}

/** A pause also holds where the rest of the spec cannot become a configuration, or is refused. If this is refused as well, that is no further news. */
async function stopPods(observed: Observed, applier: Applier): Promise<Deployment | undefined> {
  try {
    return await applier.stopPods(observed)
  } catch (error) {
    if (error instanceof Stalled) return observed.deployment
    throw error
  }
}

/** Whether Kubernetes has replaced every pod; until then it makes old ones again that go, so that what ran before a failed edit goes on. */
function hasOnlyNewPods({ metadata, status }: Deployment = {}): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status ?? {}
  return observedGeneration >= (metadata?.generation ?? Infinity) && replicas === updatedReplicas
}
