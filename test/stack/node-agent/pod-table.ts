import type { ContainerRunner } from './container-runner.ts'
import type { WatchHandlers } from './object-watch.ts'
import type { Pod } from './pod.ts'
import { type PodHost, PodWorker } from './pod-worker.ts'

/** The pods of the node, each with its worker, by uid: a name may come back while the pod that had it is still ending. */
export class PodTable implements WatchHandlers<Pod> {
  readonly #host: PodHost
  readonly #workers = new Map<string, PodWorker>()
  #stopped = false

  constructor(host: PodHost) {
    this.#host = host
  }

  onList(pods: readonly Pod[]): void {
    const uids = new Set(pods.map(({ metadata }) => metadata.uid))
    for (const [uid, worker] of this.#workers) if (!uids.has(uid)) worker.remove()
    // Pods that have an address keep it, so new ones must not choose before them.
    for (const pod of pods) if (pod.status?.podIP) this.onChange(pod)
    for (const pod of pods) if (!pod.status?.podIP) this.onChange(pod)
  }

  onChange(pod: Pod): void {
    const { uid } = pod.metadata
    const worker = this.#workers.get(uid)
    if (worker) worker.update(pod)
    else if (!this.#stopped) this.#start(pod)
  }

  onDelete(pod: Pod): void {
    this.#workers.get(pod.metadata.uid)?.remove(pod)
  }

  onOutage(message: string): void {
    this.#host.log(`watch of pods: ${message}; pods go on running, trying again`)
  }

  #start(pod: Pod): void {
    const { uid } = pod.metadata
    const worker = new PodWorker(pod, this.#host)
    this.#workers.set(uid, worker)
    void worker.finished.then(() => this.#workers.delete(uid))
  }

  has(namespace: string, name: string): boolean {
    return this.#newest(namespace, name) !== undefined
  }

  /** The newest pod of that name. @throws Error when there is none on this node */
  find(namespace: string, name: string): PodWorker {
    const found = this.#newest(namespace, name)
    if (!found) throw new Error(`pod ${namespace}/${name} is not on this node`)
    return found
  }

  #newest(namespace: string, name: string): PodWorker | undefined {
    return [...this.#workers.values()].findLast(
      ({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name,
    )
  }

  runner(namespace: string, name: string, container?: string): ContainerRunner {
    const { runners } = this.find(namespace, name)
    const runner = runners.find((one) => container === undefined || one.name === container)
    if (!runner) throw new Error(`pod ${namespace}/${name} has no container ${container}`)
    return runner
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
    this.#host.cache.close()
  }
}
