import { OPERATOR_FIELD_MANAGER } from '../contract/names.ts'
import type { KubeApi } from '../kube/api.ts'
import { isInternalError, isNamespaceTerminating, isRefusal, isRightMissing, isWebhookFailure } from '../kube/errors.ts'
import { CONNECTORS, DEPLOYMENTS, type Deployment, type Kind, type KubeObject, keyOf, refOf } from '../kube/kinds.ts'
import type { Clock } from '../lib/clock.ts'
import { type Applied, ApplyMemory } from './apply-memory.ts'
import { checkOwnership } from './checks.ts'
import { APPLIED_ANNOTATION, hashOf } from './desired/metadata.ts'
import type { Desired } from './desired/objects.ts'
import { type Observed, ownershipOf } from './observe.ts'
import { NamespaceEnding, Stalled, Waiting } from './outcome-errors.ts'

/** The connector goes with its namespace; should the deletion hang, this is often enough. */
const TERMINATING_RETRY_MS = 30_000
/**
 * An API server that has just started has not read the roles yet and refuses everybody everything, for up to half a minute, and one that is in trouble
 * may err for a while: no fault of the connector. A right that is refused for longer is missing, and an error that comes for longer stays.
 */
const LASTING_AFTER_MS = 60_000
const RIGHT_RETRY_MS = 5_000

/** The watch tells as soon as it is there again, and then there is nothing left to do. */
const GONE_RETRY_MS = 5_000

/** In milliseconds of the clock that never jumps. */
interface Refusals {
  readonly firstMs: number
  readonly lastMs: number
}

/**
 * Makes objects as they should be, by server-side apply, and only when they are not. An object is as it should be when it
 * contains every field that we want and names the hash of exactly these. Where the server writes a field differently
 * (`0.5` CPU becomes `500m`), the memory of the last apply tells that nobody changed it since.
 */
export class Applier {
  readonly #api: Pick<KubeApi, 'get' | 'list' | 'apply' | 'patch' | 'delete'>
  readonly #clock: Pick<Clock, 'elapsed'>
  readonly #memory: ApplyMemory
  /** Kind and namespace to when a write there was refused for want of the right, or failed in the API server, of those where none has succeeded since. */
  readonly #refusals: Map<string, Refusals>
  /** What was looked at while its connector was seen to be there. */
  readonly #owned = new WeakSet<Observed>()

  constructor(
    api: Pick<KubeApi, 'get' | 'list' | 'apply' | 'patch' | 'delete'>,
    clock: Pick<Clock, 'elapsed'>,
    memory = new ApplyMemory(),
    refusals = new Map<string, Refusals>(),
  ) {
    this.#api = api
    this.#clock = clock
    this.#memory = memory
    this.#refusals = refusals
  }

  /** The same, with what it remembers, over another way to the API server. */
  over(api: Pick<KubeApi, 'get' | 'list' | 'apply' | 'patch' | 'delete'>): Applier {
    return new Applier(api, this.#clock, this.#memory, this.#refusals)
  }

  /** Drops what is remembered of a connector that is gone. */
  forget(connectorKey: string): void {
    this.#memory.forget(connectorKey)
  }

  /**
   * What is newer of an object: what the cache has, or what the server made of the last apply, of which the watch may be yet to tell. Whoever goes
   * by the older one takes an edit that is taken back at once for one that never was.
   */
  newest<T extends KubeObject>(connectorKey: string, kind: Kind<T>, cached: T | undefined): T | undefined {
    const remembered = cached && this.#memory.get(connectorKey, kind, cached)
    if (!cached || !remembered || !isSameObject(cached, remembered)) return cached
    const isOlder = generationOf(cached) < remembered.generation
    return (isOlder ? this.#memory.result(connectorKey, kind, cached) : undefined) ?? cached
  }

  /**
   * Looks for objects that the caches do not know (not ours by label, or made a moment ago), before any of them is written.
   *
   * @throws {Stalled} NameConflict
   * @throws {Waiting} while an earlier connector's object is being deleted, or when the connector is gone
   */
  async findConflicts(observed: Observed, objects: readonly Desired[]): Promise<Desired[]> {
    const [found] = await Promise.all([
      Promise.all(
        objects.map(async (desired) => {
          const live = desired.live ?? (await this.#api.get(desired.kind, refOf(keyOf(desired.object))))
          if (live) checkOwnership(desired.kind.kind, live, observed)
          return { ...desired, live }
        }),
      ),
      objects.every(({ live }) => live) || this.#checkOwner(observed),
    ])
    return found
  }

  /**
   * While the watch of connectors is down, that of their objects may tell how the garbage collector takes them: made anew they would be taken and
   * made again and again, with pods that deliver for a connector that is gone.
   */
  async #checkOwner(observed: Observed): Promise<void> {
    if (this.#owned.has(observed)) return
    const { namespace, name, uid } = observed.owner
    const { items } = await this.#api.list(CONNECTORS, { namespace, name, metadataOnly: true })
    if (items[0]?.metadata.uid !== uid)
      throw new Waiting(GONE_RETRY_MS, 'the connector is gone, the watch is yet to tell')
    this.#owned.add(observed)
  }

  /**
   * Applies one object if need be.
   *
   * @returns the newest state that is known
   * @throws {Stalled} when the server refuses it (invalid, quota, policy, permission, a webhook that does not answer)
   * @throws {Waiting} while a permission that it refuses may be one that it has not read yet; KubeApiError while its own error may pass
   * @throws {NamespaceEnding} while the namespace is being deleted
   */
  async apply<T extends KubeObject>(connectorKey: string, { kind, object, live: cached }: Desired<T>): Promise<T> {
    const hash = hashOf(object)
    const wanted = withAppliedHash(object, hash)
    const live = this.newest(connectorKey, kind, cached)
    const remembered = this.#memory.get(connectorKey, kind, object)
    if (live && remembered?.hash === hash && isSameObject(live, remembered)) {
      if (live !== cached) return live
      this.#memory.dropResult(connectorKey, kind, object)
      // The metadata is never rewritten by the server, and no generation counts its changes.
      if (generationOf(live) === remembered.generation && isSubset(wanted.metadata, live.metadata)) return live
    }
    if (live && contains(live, wanted, kind)) return live
    const result = await this.#refusalAsStalled(kind, object, () =>
      this.#api.apply(kind, wanted, { fieldManager: OPERATOR_FIELD_MANAGER }),
    )
    if (result.metadata) delete result.metadata.managedFields
    // Where no generation is counted, memory tells nothing.
    const { uid, generation } = result.metadata ?? {}
    if (generation !== undefined) this.#memory.set(connectorKey, kind, { hash, uid, generation }, result)
    return result
  }

  /**
   * Scales the connector's Deployment to zero, and leaves the rest of it as it is.
   *
   * @throws as `apply`
   */
  async stopPods({ deployment, owner }: Observed): Promise<Deployment | undefined> {
    if (!deployment || deployment.spec?.replicas === 0 || ownershipOf(deployment, owner) !== 'ours') return deployment
    const patch = { metadata: { uid: deployment.metadata?.uid }, spec: { replicas: 0 } }
    return this.#refusalAsStalled(DEPLOYMENTS, deployment, () =>
      this.#api.patch(DEPLOYMENTS, refOf(keyOf(deployment)), patch, { fieldManager: OPERATOR_FIELD_MANAGER }),
    )
  }

  /**
   * Sets the finalizers of the connector itself.
   *
   * @throws as `apply`; KubeApiError 409 when the connector has changed since it was observed
   */
  async setFinalizers({ owner, resourceVersion }: Observed, finalizers: readonly string[]): Promise<void> {
    const patch = { metadata: { resourceVersion, finalizers } }
    await this.#refusalAsStalled(CONNECTORS, { metadata: { ...owner } }, () =>
      this.#api.patch(CONNECTORS, owner, patch),
    )
  }

  /**
   * Deletes an object that is ours and no longer wanted.
   *
   * @throws as `apply`
   */
  async remove(observed: Observed, kind: Kind<KubeObject>, live: KubeObject): Promise<void> {
    const { uid, deletionTimestamp } = live.metadata ?? {}
    if (!uid || deletionTimestamp || ownershipOf(live, observed.owner) !== 'ours') return
    await this.#refusalAsStalled(kind, live, () => this.#api.delete(kind, refOf(keyOf(live)), { uid }))
    this.#memory.delete(observed.key, kind, live)
  }

  async #refusalAsStalled<T>(kind: Kind<KubeObject>, object: KubeObject, write: () => Promise<T>): Promise<T> {
    const place = `${kind.plural} ${object.metadata?.namespace}`
    try {
      const result = await write()
      this.#refusals.delete(place)
      return result
    } catch (error) {
      if (isNamespaceTerminating(error))
        throw new NamespaceEnding(TERMINATING_RETRY_MS, 'the namespace is being deleted')
      const isFault = isInternalError(error)
      const isSlow = isFault || isWebhookFailure(error)
      if (!isSlow && !isRefusal(error)) throw error
      const refusal = `the API server refuses ${kind.kind} ${keyOf(object)}: ${error.message}`
      if ((isFault || isRightMissing(error)) && this.#refusedForMs(place) < LASTING_AFTER_MS)
        throw isFault ? error : new Waiting(RIGHT_RETRY_MS, refusal)
      throw new Stalled(error.status === 403 ? 'Forbidden' : 'ObjectRefused', refusal, { isSlow })
    }
  }

  /** For how long writes have been refused again and again. What was refused once, long ago, was asked for no more. */
  #refusedForMs(place: string): number {
    const nowMs = this.#clock.elapsed()
    const before = this.#refusals.get(place)
    const goesOn = before !== undefined && nowMs - before.lastMs <= LASTING_AFTER_MS
    const refusals = { firstMs: goesOn ? before.firstMs : nowMs, lastMs: nowMs }
    this.#refusals.set(place, refusals)
    return nowMs - refusals.firstMs
  }
}

function withAppliedHash<T extends KubeObject>(object: T, hash: string): T {
  const { metadata } = object
  return { ...object, metadata: { ...metadata, annotations: { ...metadata?.annotations, [APPLIED_ANNOTATION]: hash } } }
}

/** Uids are equal, and the kind counts generations: without them nothing tells an old state from a new one. */
function isSameObject({ metadata }: KubeObject, remembered: Applied): boolean {
  return metadata?.uid === remembered.uid && metadata?.generation !== undefined
}

function generationOf({ metadata }: KubeObject): number {
  return metadata?.generation ?? 0
}

/** Whether `live` has everything of `wanted`; of a kind that is cached without its content, the metadata. */
function contains(live: KubeObject, wanted: KubeObject, kind: Kind<KubeObject>): boolean {
  const isMetadataOnly = Object.keys(live).every((key) => ['apiVersion', 'kind', 'metadata'].includes(key))
  // Content of a ConfigMap is immutable and in its name; a ServiceAccount of ours has hardly any.
  if (isMetadataOnly && kind.plural === 'configmaps') return isSubset(wanted.metadata, live.metadata)
  return isSubset(wanted, live)
}

/** Whether each value of `part` is in `whole`, at any depth. Lists must have equal lengths. */
export function isSubset(part: unknown, whole: unknown): boolean {
  if (part === null || typeof part !== 'object') return part === whole
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.length === whole.length && part.every((each, i) => isSubset(each, whole[i]))
  }
  if (whole === null || typeof whole !== 'object' || Array.isArray(whole)) return false
  const other = whole as Record<string, unknown>
  return Object.entries(part).every(([key, value]) => value === undefined || isSubset(value, other[key]))
}
