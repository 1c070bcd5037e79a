import { CONNECTOR_LABEL, ID_LABEL } from '../../src/contract/names.ts'
import type { AnalyticsConnectorSpec, AnalyticsConnectorStatus } from '../../src/contract/resource.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import {
  type AnalyticsConnector,
  CONFIG_MAPS,
  CONNECTORS,
  CRON_JOBS,
  DEPLOYMENTS,
  JOBS,
  type Kind,
  type KubeObject,
  keyOf,
  POD_DISRUPTION_BUDGETS,
  PODS,
  SERVICE_ACCOUNTS,
} from '../../src/kube/kinds.ts'
import type { Caches } from '../../src/operator/observe.ts'
import { mergePatch } from '../support/merge-patch.ts'
import { StatusWrites } from '../support/status/status-writes.ts'
import { aSpec, NOW, OWNER } from './builders.ts'

/** The operator's view of a cluster, in memory: what it applies is there at once, every write is counted, every status is judged. */
export class Cluster {
  readonly writes: string[] = []
  /** Thrown by the next write to this `<verb> <Kind>`. */
  readonly failures = new Map<string, Error>()
  readonly #objects = new Map<string, KubeObject>()
  readonly #statuses = new StatusWrites()
  #version = 100

  addConnector(spec: AnalyticsConnectorSpec = aSpec()): void {
    const connector: AnalyticsConnector & KubeObject = {
      apiVersion: 'analytics-connector.io/v1alpha1',
      kind: 'AnalyticsConnector',
      metadata: { ...OWNER, generation: 1, labels: { [ID_LABEL]: '1' } },
      spec,
    }
    this.put(CONNECTORS, connector)
  }

  /** As a person edits: a new generation. */
  edit(spec: Partial<AnalyticsConnectorSpec>): void {
    const connector = this.connector()
    const metadata = { ...connector.metadata, generation: (connector.metadata.generation ?? 0) + 1 }
    this.put(CONNECTORS, { ...connector, metadata, spec: { ...connector.spec, ...spec } } as typeof connector)
  }

  connector(): AnalyticsConnector & KubeObject {
    const connector = this.get(CONNECTORS, `${OWNER.namespace}/${OWNER.name}`)
    if (!connector) throw new Error('there is no connector')
    return connector
  }

  put<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const stored = {
      ...object,
      metadata: { uid: `uid-${keyOf(object)}`, ...object.metadata, resourceVersion: String(++this.#version) },
    }
    this.#objects.set(`${kind.kind} ${keyOf(object)}`, stored)
    return stored
  }

  get<T extends KubeObject>(kind: Kind<T>, key: string): T | undefined {
    return this.#objects.get(`${kind.kind} ${key}`) as T | undefined
  }

  remove(kind: Kind<KubeObject>, key: string): void {
    this.#objects.delete(`${kind.kind} ${key}`)
  }

  /** `<Kind> <name>` of everything but the connector itself. */
  names(): string[] {
    return [...this.#objects.keys()]
      .filter((each) => !each.startsWith('AnalyticsConnector'))
      .map((each) => each.replace('games/', ''))
      .sort()
  }

  readonly api: Pick<KubeApi, 'get' | 'list' | 'apply' | 'delete' | 'patch'> = {
    get: async (kind, { namespace, name }) => this.get(kind, `${namespace}/${name}`),
    list: async (kind, { namespace, name }) => {
      const object = this.get(kind, `${namespace}/${name}`)
      return { items: object ? [object] : [], resourceVersion: String(this.#version) }
    },
    apply: async (kind, object, { subresource }) => {
      this.#count('apply', kind, subresource)
      return subresource === 'status' ? this.#applyStatus(kind, object) : this.#apply(kind, object)
    },
    // Of the connector only metadata is patched; one that is being deleted goes with its last finalizer. Of a Deployment it is the spec.
    patch: async (kind, { namespace, name }, patch) => {
      this.#count('patch', kind)
      const live = this.get(kind, `${namespace}/${name}`)
      const { metadata } = patch as KubeObject
      if (live && 'spec' in patch) return this.put(kind, mergePatch(live, { spec: patch.spec }) as typeof live)
      if (!live || metadata?.resourceVersion !== live.metadata?.resourceVersion)
        throw new KubeApiError(409, 'Conflict', 'the object has been modified')
      const patched = this.put(kind, { ...live, metadata: { ...live.metadata, ...metadata } })
      if (patched.metadata?.deletionTimestamp && !patched.metadata.finalizers?.length)
        this.remove(kind, `${namespace}/${name}`)
      return patched
    },
    delete: async (kind, { namespace, name }) => {
      this.#count('delete', kind)
      this.remove(kind, `${namespace}/${name}`)
    },
  }

  #count(verb: string, kind: Kind<KubeObject>, subresource?: string): void {
    const write = `${verb} ${kind.kind}${subresource ? `/${subresource}` : ''}`
    const failure = this.failures.get(write)
    this.failures.delete(write)
    if (failure) throw failure
    this.writes.push(write)
  }

  /** The fields that we own are all that there are, so an apply replaces them; `generation` counts changes of the spec. */
  #apply<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const live = this.get(kind, keyOf(object)) as (KubeObject & { spec?: unknown; status?: unknown }) | undefined
    const isSame = JSON.stringify(live?.spec) === JSON.stringify((object as { spec?: unknown }).spec)
    const generation = (live?.metadata?.generation ?? 0) + (isSame ? 0 : 1)
    const status = live?.status === undefined ? {} : { status: live.status }
    const creationTimestamp = live?.metadata?.creationTimestamp ?? new Date(NOW + this.#version * 1000).toISOString()
    return this.put(kind, { ...object, ...status, metadata: { ...object.metadata, generation, creationTimestamp } })
  }

  #applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): T {
    const live = this.get(kind, keyOf(object))
    if (!live) throw new KubeApiError(404, 'NotFound', 'gone')
    if (object.metadata?.resourceVersion !== live.metadata?.resourceVersion) {
      throw new KubeApiError(409, 'Conflict', 'the object has been modified')
    }
    const { status } = object as { status?: AnalyticsConnectorStatus }
    if (status) this.#statuses.note(`${keyOf(live)} ${live.metadata?.uid}`, live.metadata?.generation ?? 0, status)
    this.#statuses.verify()
    return this.put(kind, { ...live, status })
  }

  readonly caches: Caches = {
    connectors: this.#lookup(CONNECTORS),
    deployments: this.#lookup(DEPLOYMENTS),
    configMaps: this.#lookup(CONFIG_MAPS),
    serviceAccounts: this.#lookup(SERVICE_ACCOUNTS),
    podDisruptionBudgets: this.#lookup(POD_DISRUPTION_BUDGETS),
    pods: this.#lookup(PODS),
    jobs: this.#lookup(JOBS),
    cronJobs: this.#lookup(CRON_JOBS),
  }

  /** Like a cache, it knows only what has the connector's label (or is one). */
  #lookup<T extends KubeObject>(kind: Kind<T>) {
    const isKnown = (object: KubeObject) =>
      kind.kind === CONNECTORS.kind || object.metadata?.labels?.[CONNECTOR_LABEL] !== undefined
    return {
      get: (key: string) => {
        const object = this.get(kind, key)
        return object && isKnown(object) ? object : undefined
      },
      ofConnector: () =>
        [...this.#objects].flatMap(([name, object]) =>
          name.startsWith(`${kind.kind} `) && isKnown(object) ? [object as T] : [],
        ),
    }
  }
}
