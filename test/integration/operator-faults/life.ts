import { expect } from 'vitest'
import { API_GROUP, API_VERSION, KIND, RESTART_ANNOTATION } from '../../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../../src/contract/resource.ts'
import { loadClusterAccess } from '../../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../../src/kube/http-kube-api.ts'
import {
  CONFIG_MAPS,
  CONNECTORS,
  DEPLOYMENTS,
  POD_DISRUPTION_BUDGETS,
  PODS,
  SERVICE_ACCOUNTS,
} from '../../../src/kube/kinds.ts'
import type { Stack } from '../../stack/stack.ts'
import { eventually } from '../../support/eventually.ts'
import type { Placement } from '../../support/simulated-node.ts'

export const NAME = 'life'
const FIELD_MANAGER = 'person'
const KINDS = [DEPLOYMENTS, CONFIG_MAPS, SERVICE_ACCOUNTS, POD_DISRUPTION_BUDGETS, PODS]
type Spec = AnalyticsConnector['spec']
/** A spec without what these tests never change. */
type Wish = Partial<Omit<Spec, 'config'>> & { readonly config?: Partial<Spec['config']> }

/** A person who uses a connector, whatever the operator goes through meanwhile. */
export class Person {
  readonly api: HttpKubeApi
  readonly namespace: string
  readonly #placement: Placement
  readonly #withinMs: number

  private constructor(api: HttpKubeApi, namespace: string, placement: Placement, withinMs: number) {
    this.api = api
    this.namespace = namespace
    this.#placement = placement
    this.#withinMs = withinMs
  }

  /**
   * @param placement where their pods run
   * @param withinMs how long they wait for each change to be Ready
   */
  static async in(stack: Stack, namespace: string, placement: Placement, withinMs: number): Promise<Person> {
    const access = await loadClusterAccess({ kubeconfig: stack.kubeconfigPath })
    return new Person(new HttpKubeApi({ access, userAgent: 'person' }), namespace, placement, withinMs)
  }

  /** Everything that a connector goes through; ends early, after a step, once `isEnough`. @returns the last step */
  async live(isEnough: () => boolean = () => false, name = NAME): Promise<Step> {
    for (const step of LIFE) {
      await this.wants(name, step.wish, step.restart)
      if (isEnough()) return step
    }
    return LIFE.at(-1) as Step
  }

  /** Applies a spec and waits until it is so. */
  async wants(name: string, spec: Wish, restart?: string): Promise<void> {
    await this.ready(name, await this.asks(name, spec, restart), restart)
  }

  /** Applies a spec. @returns its generation */
  async asks(name: string, spec: Wish, restart?: string): Promise<number> {
    const { namespace } = this
    const connector = {
      apiVersion: `${API_GROUP}/${API_VERSION}`,
      kind: KIND,
      metadata: { namespace, name, ...(restart ? { annotations: { [RESTART_ANNOTATION]: restart } } : {}) },
      spec: {
        storageType: 'KAFKA_S3',
        filter: { acme: ['*'] },
        podTemplate: this.#placement,
        ...spec,
        config: {
          eventType: 'game_telemetry',
          bucketName: 'acme-events',
          region: 'us-west-2',
          customPath: `${name}/{topic}.json`,
          ...spec.config,
        },
      },
    } as unknown as AnalyticsConnector
    const { metadata } = await this.api.apply(CONNECTORS, connector as never, { fieldManager: FIELD_MANAGER })
    return metadata?.generation ?? 0
  }

  async ready(name: string, generation: number, restart?: string): Promise<void> {
    await eventually(
      this.#withinMs,
      async () => {
        const { status } = (await this.api.get(CONNECTORS, { namespace: this.namespace, name })) ?? {}
        const ready = status?.conditions?.find(({ type }) => type === 'Ready')
        expect({ ...ready, restart: status?.restartRequestedAt }, JSON.stringify(status)).toMatchObject({
          status: 'True',
          observedGeneration: generation,
          ...(restart === undefined ? {} : { restart }),
        })
      },
      50,
    )
  }

  /** `<Kind> <name>` of everything made for a connector; a hash in a name becomes `#`. */
  async objects(name = NAME): Promise<string[]> {
    const labelSelector = `${API_GROUP}/connector=${name}`
    const found = await Promise.all(
      KINDS.map(async (kind) => {
        const { items } = await this.api.list(kind, { namespace: this.namespace, labelSelector }, { limit: 500 })
        return items.map(({ metadata }) => `${kind.kind} ${metadata?.name?.replace(/-sink-.+$/, '-sink-#')}`)
      }),
    )
    return found.flat().sort()
  }
}

/** Of a step of a life: what is wished, and what there is then. */
export interface Step {
  readonly wish: Wish
  readonly restart?: string
  readonly revisions: number
  readonly pods: number
}

const EDITED = { config: { flushSize: 7 } }
/** Created, edited, scaled, restarted, paused, resumed with another edit. No revision becomes old enough to go. */
const LIFE: readonly Step[] = [
  { wish: {}, revisions: 1, pods: 1 },
  { wish: EDITED, revisions: 2, pods: 1 },
  { wish: { ...EDITED, replicas: 2 }, revisions: 2, pods: 2 },
  { wish: { ...EDITED, replicas: 2 }, restart: 'now', revisions: 2, pods: 2 },
  { wish: { ...EDITED, active: false }, restart: 'now', revisions: 2, pods: 0 },
  { wish: { config: { flushSize: 8 } }, restart: 'now', revisions: 3, pods: 1 },
]

/** As `Person.objects` tells it. */
export function objectsAfter({ revisions, pods }: Step, name = NAME): string[] {
  const objects = [
    ...Array.from({ length: revisions }, () => `ConfigMap ${name}-sink-#`),
    `Deployment ${name}-sink`,
    ...Array.from({ length: pods }, () => `Pod ${name}-sink-#`),
    ...(pods > 1 ? [`PodDisruptionBudget ${name}-sink`] : []),
    `ServiceAccount ${name}-sink`,
  ]
  return objects.sort()
}
