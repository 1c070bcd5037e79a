import { setTimeout as delay } from 'node:timers/promises'
import { loadClusterAccess } from '../../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../../src/kube/http-kube-api.ts'
import { CONNECTORS, DEPLOYMENTS, type Kind, type KubeObject, keyOf, PODS } from '../../../src/kube/kinds.ts'
import { Reflector } from '../../../src/kube/reflector.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import type { Stack } from '../../stack/stack.ts'
import { type History, readinessViolations, type Version } from './readiness.ts'
import { StatusWrites } from './status-writes.ts'

/** For what was written before the end to be heard of. */
const CATCH_UP_MS = 500

/** Watches a namespace as a bystander, and judges every status that any operator wrote there. */
export class HistoryRecorder {
  readonly #stop = new AbortController()
  readonly #api: HttpKubeApi
  readonly #running: Promise<void>[]
  readonly #namespace: string
  readonly #history: { [K in keyof History]: Version<KubeObject>[] } = { connectors: [], deployments: [], pods: [] }
  readonly #writes = new StatusWrites()

  private constructor(api: HttpKubeApi, namespace: string) {
    this.#api = api
    this.#namespace = namespace
    this.#running = [
      this.#follow(CONNECTORS, 'connectors'),
      this.#follow(DEPLOYMENTS, 'deployments'),
      this.#follow(PODS, 'pods'),
    ]
  }

  static async start(stack: Stack, namespace: string): Promise<HistoryRecorder> {
    const access = await loadClusterAccess({ kubeconfig: stack.kubeconfigPath })
    return new HistoryRecorder(new HttpKubeApi({ access, userAgent: 'history' }), namespace)
  }

  /** Ends the watch. @throws Error with every status that broke a rule, and every Ready that came too early */
  async finish(): Promise<void> {
    await delay(CATCH_UP_MS)
    this.#stop.abort()
    await Promise.all(this.#running)
    await this.#api.close()
    for (const versions of Object.values(this.#history)) versions.sort((a, b) => a.resourceVersion - b.resourceVersion)
    this.#judgeWrites()
    this.#writes.violations.push(...readinessViolations(this.#history as unknown as History))
    this.#writes.verify()
  }

  #judgeWrites(): void {
    const lastWritten = new Map<string, string>()
    for (const { key, object, isListed } of (this.#history as unknown as History).connectors) {
      const { status, metadata } = object ?? {}
      const written = JSON.stringify([metadata?.uid, status])
      if (!status || !metadata || (status.observedGeneration ?? -1) < 0 || written === lastWritten.get(key)) continue
      lastWritten.set(key, written)
      // What it followed was written while the watch was down.
      if (isListed) this.#writes.forget(`${key} ${metadata.uid}`)
      // A later spec keeps the status that was written for an earlier one.
      this.#writes.note(`${key} ${metadata.uid}`, status.observedGeneration ?? 0, status)
      if ((status.observedGeneration ?? 0) > (metadata.generation ?? 0)) {
        this.#writes.violations.push(`${key}: observedGeneration is ahead of the generation`)
      }
    }
  }

  #follow<T extends KubeObject>(kind: Kind<T>, name: keyof History): Promise<void> {
    const versions = this.#history[name]
    const reflector = new Reflector<T>({
      api: this.#api,
      kind,
      scope: { namespace: this.#namespace },
      clock: systemClock,
      logger: createLogger('silent'),
      onEvent: ({ type, object, isListed }) => {
        const resourceVersion = Number(object.metadata?.resourceVersion)
        versions.push({ resourceVersion, key: keyOf(object), object: type === 'delete' ? undefined : object, isListed })
      },
    })
    return reflector.run(this.#stop.signal)
  }
}
