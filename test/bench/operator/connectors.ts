import { API_GROUP, API_VERSION, CONNECTOR_LABEL, KIND, REVISION_ANNOTATION } from '../../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../../src/contract/resource.ts'
import type { HttpKubeApi } from '../../../src/kube/http-kube-api.ts'
import { CONNECTORS, DEPLOYMENTS, type Deployment, type KubeObject, keyOf } from '../../../src/kube/kinds.ts'
import { Reflector } from '../../../src/kube/reflector.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import type { Placement } from '../../support/simulated-node.ts'

/**
 * Connectors in one namespace. Kubernetes is tested with 3,000 pods and 2,000 Deployments in one, while a rollout has two ReplicaSets, and its
 * controllers look through all of a namespace for each Deployment.
 * Source: kubernetes/community, sig-scalability/configs-and-limits/thresholds.md.
 */
const IN_A_NAMESPACE = 1_000
/** A person's tools: 16 requests at a time. */
const WRITERS = 16

/** Where a connector is. */
export interface ConnectorName {
  readonly namespace: string
  readonly name: string
}

export function connectorNames(count: number): ConnectorName[] {
  const namespaceOf = (i: number) => `tenants-${Math.floor(i / IN_A_NAMESPACE)}`
  return Array.from({ length: count }, (_, i) => ({ namespace: namespaceOf(i), name: `c${i}` }))
}

/** How long after its spec was accepted a connector was applied (its Deployment says so), told and Ready, in milliseconds. */
export interface Times {
  readonly applied: number[]
  readonly told: number[]
  readonly ready: number[]
}

interface Change {
  readonly generation: number
  readonly at: number
  readonly resolve: () => void
  applied?: number
  told?: number
}

/** Changes connectors and sees, as any client would, when what is wanted is so. */
export class Connectors {
  readonly #api: HttpKubeApi
  readonly #placement: Placement
  readonly #changes = new Map<string, Change>()
  readonly #deployments = new Map<string, string>()
  readonly #stop = new AbortController()
  #times: Times = { applied: [], told: [], ready: [] }
  #running: Promise<unknown> = Promise.resolve()

  constructor(api: HttpKubeApi, placement: Placement) {
    this.#api = api
    this.#placement = placement
  }

  /** Follows the cluster until `close`. */
  follow(): void {
    const options = {
      api: this.#api,
      scope: {},
      clock: systemClock,
      logger: createLogger('silent'),
    }
    const deployments = new Reflector<Deployment>({
      ...options,
      kind: DEPLOYMENTS,
      trim: withoutPods,
      onEvent: ({ object }) => this.#seeDeployment(object),
    })
    const connectors = new Reflector<AnalyticsConnector & KubeObject>({
      ...options,
      kind: CONNECTORS,
      onEvent: ({ object }) => this.#seeConnector(object),
    })
    this.#running = Promise.all([deployments.run(this.#stop.signal), connectors.run(this.#stop.signal)])
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Gives each connector this flushSize, `atOnce` at a time, and waits until all are Ready with it. */
  async change(names: readonly ConnectorName[], flushSize: number, atOnce = WRITERS): Promise<Times> {
    this.#times = { applied: [], told: [], ready: [] }
    const rest = [...names]
    const ready: Promise<void>[] = []
    const writer = async () => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
        const { isReady } = await this.#write(next, flushSize)
        ready.push(isReady)
        if (atOnce === 1) await isReady
      }
    }
    await Promise.all(Array.from({ length: atOnce }, writer))
    await Promise.all(ready)
    return this.#times
  }

  async #write(where: ConnectorName, flushSize: number): Promise<{ isReady: Promise<void> }> {
    const key = `${where.namespace}/${where.name}`
    const isReady = Promise.withResolvers<void>()
    const at = performance.now()
    const before = this.#deployments.get(key)
    this.#changes.set(key, { generation: Infinity, at, resolve: isReady.resolve })
    const { metadata } = await this.#api.apply(CONNECTORS, connector(where, flushSize, this.#placement), {
      fieldManager: 'bench',
    })
    const change = this.#changes.get(key)
    const applied = this.#deployments.get(key) === before ? {} : { applied: performance.now() }
    this.#changes.set(key, {
      ...change,
      ...applied,
      generation: metadata?.generation ?? 0,
      at,
      resolve: isReady.resolve,
    })
    return { isReady: isReady.promise }
  }

  #seeDeployment({ metadata, spec }: Deployment): void {
    const key = `${metadata?.namespace}/${metadata?.labels?.[CONNECTOR_LABEL]}`
    const revision = spec?.template.metadata?.annotations?.[REVISION_ANNOTATION] ?? ''
    if (this.#deployments.get(key) === revision) return
    this.#deployments.set(key, revision)
    const change = this.#changes.get(key)
    if (change && change.applied === undefined) change.applied = performance.now()
  }

  #seeConnector(object: AnalyticsConnector & KubeObject): void {
    const change = this.#changes.get(keyOf(object))
    const { observedGeneration = -1, conditions } = object.status ?? {}
    if (!change || observedGeneration < change.generation) return
    change.told ??= performance.now()
    const ready = conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status !== 'True' || ready.observedGeneration !== change.generation) return
    this.#changes.delete(keyOf(object))
    this.#times.applied.push((change.applied ?? Number.NaN) - change.at)
    this.#times.told.push(change.told - change.at)
    this.#times.ready.push(performance.now() - change.at)
    change.resolve()
  }
}

/** Ten thousand of them: only what is looked at. */
function withoutPods({ metadata, spec }: Deployment): Deployment {
  return { metadata, spec: { template: { metadata: spec?.template.metadata } } } as Deployment
}

function connector(
  { namespace, name }: ConnectorName,
  flushSize: number,
  podTemplate: Placement,
): AnalyticsConnector & KubeObject {
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: KIND,
    metadata: { namespace, name },
    spec: {
      storageType: 'KAFKA_S3',
      // A path of its own: no two of them can write one key.
      config: {
        eventType: 'game_telemetry',
        bucketName: 'acme-events',
        region: 'us-west-2',
        customPath: `${name}/{topic}.json`,
        flushSize,
      },
      filter: { acme: ['*'] },
      podTemplate,
      resources: { requests: { cpu: '1m', memory: '1Mi' } },
    },
  } as AnalyticsConnector & KubeObject
}
