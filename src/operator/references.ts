import type { KafkaAccess } from '../contract/kafka-access.ts'
import { type Reference, referencesOf } from '../contract/references.ts'
import type { AnalyticsConnectorSpec } from '../contract/resource.ts'
import type { KubeApi } from '../kube/api.ts'
import { CONFIG_MAPS, type Kind, type KubeObject, keyOf, SECRETS } from '../kube/kinds.ts'
import { Reflector } from '../kube/reflector.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { hashOf } from './desired/metadata.ts'

export interface ReferencesOptions {
  readonly api: Pick<KubeApi, 'list' | 'watch'>
  /** The cluster of connectors that name none: its Secrets are mounted in their pods. */
  readonly kafka: KafkaAccess
  readonly clock: Clock
  readonly logger: Logger
  /** Called with the connectors that refer to an object which has changed. */
  readonly onChange: (connectorKey: string) => void
}

interface Watch {
  readonly reflector: Reflector<KubeObject>
  readonly sinceMs: number
  /** Aborted when nothing in the namespace is referred to any more. */
  readonly ended: AbortController
}

/** A watch that is allowed knows what there is within this time, milliseconds. */
const FIRST_LIST_MS = 1_000

const KINDS: Readonly<Record<Reference['kind'], Kind<KubeObject>>> = { Secret: SECRETS, ConfigMap: CONFIG_MAPS }

/**
 * The Secrets and ConfigMaps that connectors refer to, by metadata only: their content never comes here. A namespace is watched while
 * a connector in it refers to something. Where the operator may not (deploy/base lets it watch no Secret), it knows nothing of them,
 * and pods are left as they are: a sink reads mounted files anew by itself.
 */
export class References {
  readonly #options: ReferencesOptions
  readonly #stop = new AbortController()
  /** `<kind> <namespace>` to its watch. */
  readonly #watches = new Map<string, Watch>()
  /** The same to how many of its objects are referred to. */
  readonly #uses = new Map<string, number>()
  /** Connector to what it refers to, and back, as `<kind> <namespace>/<name>`. */
  readonly #ofConnector = new Map<string, readonly string[]>()
  readonly #connectorsOf = new Map<string, Set<string>>()

  constructor(options: ReferencesOptions) {
    this.#options = options
  }

  /**
   * Names the present state of everything that a connector refers to; equal states have equal names.
   *
   * @returns undefined while that is not known; empty when it refers to nothing
   */
  versionOf(connectorKey: string, namespace: string, spec: AnalyticsConnectorSpec): string | undefined {
    const references = referencesOf(spec, this.#options.kafka)
    this.#follow(
      connectorKey,
      references.map(({ kind, name }) => `${kind} ${namespace}/${name}`),
    )
    if (references.length === 0) return ''
    const versions = references.map((reference) => this.#versionOf(namespace, reference))
    return versions.includes(undefined) ? undefined : hashOf(versions)
  }

  /** Whether that may be known in a moment, because its watches have only just begun. `onChange` tells when it is. */
  isPending(namespace: string, spec: AnalyticsConnectorSpec): boolean {
    return referencesOf(spec, this.#options.kafka).some(({ kind }) => {
      const { reflector, sinceMs } = this.#watch(kind, namespace)
      return !reflector.hasSynced && this.#options.clock.elapsed() - sinceMs < FIRST_LIST_MS
    })
  }

  /** A connector that is gone refers to nothing. */
  forget(connectorKey: string): void {
    this.#follow(connectorKey, [])
  }

  /** Ends every watch. */
  stop(): void {
    this.#stop.abort()
  }

  #versionOf(namespace: string, { kind, name }: Reference): string | undefined {
    const { reflector } = this.#watch(kind, namespace)
    if (!reflector.hasSynced) return undefined
    const { uid, resourceVersion } = reflector.objects.get(`${namespace}/${name}`)?.metadata ?? {}
    return `${kind} ${name} ${uid ?? 'absent'} ${resourceVersion ?? ''}`
  }

  #follow(connectorKey: string, references: readonly string[]): void {
    const before = this.#ofConnector.get(connectorKey) ?? []
    // First what is new: a watch that goes on being needed is not begun anew.
    for (const reference of references) if (!before.includes(reference)) this.#add(reference, connectorKey)
    for (const reference of before) if (!references.includes(reference)) this.#remove(reference, connectorKey)
    if (references.length > 0) this.#ofConnector.set(connectorKey, references)
    else this.#ofConnector.delete(connectorKey)
  }

  #add(reference: string, connectorKey: string): void {
    const connectors = this.#connectorsOf.get(reference)
    if (connectors) return void connectors.add(connectorKey)
    this.#connectorsOf.set(reference, new Set([connectorKey]))
    const place = placeOf(reference)
    this.#uses.set(place, (this.#uses.get(place) ?? 0) + 1)
  }

  #remove(reference: string, connectorKey: string): void {
    const connectors = this.#connectorsOf.get(reference)
    if (!connectors?.delete(connectorKey) || connectors.size > 0) return
    this.#connectorsOf.delete(reference)
    const place = placeOf(reference)
    const uses = (this.#uses.get(place) ?? 0) - 1
    if (uses > 0) return void this.#uses.set(place, uses)
    this.#uses.delete(place)
    this.#watches.get(place)?.ended.abort()
    this.#watches.delete(place)
  }

  #watch(kind: Reference['kind'], namespace: string): Watch {
    const known = this.#watches.get(`${kind} ${namespace}`)
    if (known) return known
    const { api, clock, logger, onChange } = this.#options
    const reflector = new Reflector<KubeObject>({
      api,
      clock,
      logger,
      kind: KINDS[kind],
      scope: { namespace, metadataOnly: true },
      isOptional: true,
      trim: ({ metadata }) => onlyVersion(metadata),
      onEvent: ({ object }) => {
        for (const connector of this.#connectorsOf.get(`${kind} ${keyOf(object)}`) ?? []) onChange(connector)
      },
      onSynced: () => {
        for (const [connector, references] of this.#ofConnector) {
          if (references.some((reference) => reference.startsWith(`${kind} ${namespace}/`))) onChange(connector)
        }
      },
    })
    const watch = { reflector, sinceMs: clock.elapsed(), ended: new AbortController() }
    this.#watches.set(`${kind} ${namespace}`, watch)
    void reflector.run(AbortSignal.any([this.#stop.signal, watch.ended.signal]))
    return watch
  }
}

/** The watch that knows of a reference. */
function placeOf(reference: string): string {
  return reference.slice(0, reference.indexOf('/'))
}

function onlyVersion({ name = '', namespace = '', uid = '', resourceVersion = '' }: KubeObject['metadata'] = {}) {
  return { metadata: { name, namespace, uid, resourceVersion } }
}
