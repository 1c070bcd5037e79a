import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Api, isStatus, messageOf } from './api.ts'
import { ContainerRunner } from './container-runner.ts'
import type { EventRecorder } from './events.ts'
import type { ObjectCache, ObjectHold } from './object-cache.ts'
import { apiTime, type Pod, podKey } from './pod.ts'
import type { PodAddresses } from './pod-addresses.ts'
import type { NodeFacts } from './pod-fields.ts'
import { podStatus, type ReportedStatus } from './pod-status.ts'
import { PodVolumes } from './pod-volumes.ts'
import { tokenSource } from './service-account.ts'
import { StatusWriter } from './status-writer.ts'

/** What all pods of the node share. */
export interface PodHost {
  readonly api: Api
  readonly cache: ObjectCache
  readonly events: EventRecorder
  readonly addresses: PodAddresses
  readonly node: Omit<NodeFacts, 'podIP'>
  readonly images: Readonly<Record<string, readonly string[]>>
  readonly dir: string
  readonly log: (line: string) => void
}

const RETRY_MS = 1_000
/** Changes of several objects at once become one refresh; well inside the two seconds a program may have to wait for one. */
const REFRESH_DELAY_MS = 100
/** Looks whether a service account token is due for renewal. */
const TOKEN_CHECK_MS = 60_000

/** One pod from the moment it is bound to the node until it is gone from the API server. */
export class PodWorker {
  #pod: Pod
  readonly #host: PodHost
  readonly #folder: string
  readonly #facts: NodeFacts
  readonly #hold: ObjectHold
  readonly #volumes: PodVolumes
  readonly #status: StatusWriter
  readonly #startTime: string
  readonly runners: readonly ContainerRunner[]
  /** The containers shall end. */
  readonly #terminating = new AbortController()
  /** Nothing shall be done any more, not even a status written: the agent stops. */
  readonly #stopped = new AbortController()
  #mounted = false
  #over = false
  #refreshTimer: NodeJS.Timeout | undefined
  readonly finished: Promise<void>

  constructor(pod: Pod, host: PodHost) {
    const { metadata, spec, status } = pod
    this.#pod = pod
    this.#host = host
    this.#folder = join(host.dir, `${metadata.namespace}_${metadata.name}_${metadata.uid}`)
    this.#facts = { ...host.node, podIP: host.addresses.take(status?.podIP) }
    this.#startTime = status?.startTime ?? apiTime(Date.now())
    this.#hold = host.cache.hold(metadata.namespace, () => this.#refreshSoon())
    this.#volumes = new PodVolumes(this.#folder, {
      facts: this.#facts,
      objects: this.#hold,
      token: tokenSource(host.api, pod),
    })
    this.#status = new StatusWriter(host.api, pod, () => this.#reported(), host.log, this.#stopped.signal)
    this.runners = spec.containers.map((container) => this.#runner(container))
    this.finished = this.#live().catch((error: unknown) => host.log(`pod ${podKey(pod)}: ${messageOf(error)}`))
  }

  get pod(): Pod {
    return this.#pod
  }

  /** The pod as the API server has it now: labels, deletion and readiness gates may have changed. */
  update(pod: Pod): void {
    this.#pod = pod
    if (pod.metadata.deletionTimestamp) this.#terminate(pod.metadata.deletionGracePeriodSeconds)
    this.#refreshSoon()
    if (pod.spec.readinessGates?.length) this.#publish()
  }

  /** The pod is gone from the API server, or was replaced: it still gets a second to end in order, as from a kubelet. */
  remove(last: Pod = this.#pod): void {
    this.#terminate(
      Math.max(1, last.metadata.deletionGracePeriodSeconds ?? last.spec.terminationGracePeriodSeconds ?? 30),
    )
  }

  /** Ends the processes at once and says nothing about it to the API server. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#terminate(0)
    await this.finished
  }

  #terminate(graceSeconds = this.#pod.spec.terminationGracePeriodSeconds ?? 30): void {
    this.#terminating.abort()
    for (const runner of this.runners) runner.terminate(graceSeconds * 1000)
  }

  #runner(container: Pod['spec']['containers'][number]): ContainerRunner {
    const { api, images, events } = this.#host
    const logFile = join(this.#folder, `${container.name}.log`)
    const context = { api, pod: this.#pod, container, facts: this.#facts, objects: this.#hold, volumes: this.#volumes }
    return new ContainerRunner(
      { ...context, podFolder: this.#folder, logFile },
      {
        images,
        changed: () => this.#publish(),
        event: (type, reason, message) => events.record(this.#pod, type, reason, message),
      },
      this.#pod.status?.containerStatuses?.find(({ name }) => name === container.name),
    )
  }

  async #live(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true })
      if (this.#pod.metadata.deletionTimestamp) this.#terminate(0)
      if (!isTerminal(this.#pod)) await this.#run()
      await this.#deletion()
      if (!this.#stopped.signal.aborted) await this.#deleteFromApi()
    } finally {
      await this.#cleanUp()
    }
  }

  async #run(): Promise<void> {
    this.#publish()
    await this.#mount()
    const tokenTimer = setInterval(() => this.#refreshSoon(), TOKEN_CHECK_MS)
    await Promise.all(this.runners.map((runner) => runner.run()))
    clearInterval(tokenTimer)
    this.#over = true
    await this.#status.publish()
  }

  /** Retries until every volume is there or the pod is to end. */
  async #mount(): Promise<void> {
    while (!this.#terminating.signal.aborted) {
      try {
        await this.#volumes.update(this.#pod)
        this.#mounted = true
        return
      } catch (error) {
        this.#host.events.record(this.#pod, 'Warning', 'FailedMount', messageOf(error))
        await delay(RETRY_MS, undefined, { signal: this.#terminating.signal }).catch(() => undefined)
      }
    }
  }

  #refreshSoon(): void {
    if (!this.#mounted || this.#refreshTimer || this.#terminating.signal.aborted) return
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = undefined
      const failed = (error: unknown) => this.#host.events.record(this.#pod, 'Warning', 'FailedMount', messageOf(error))
      void this.#volumes.update(this.#pod).catch(failed)
    }, REFRESH_DELAY_MS)
  }

  #publish(): void {
    void this.#status.publish()
  }

  #reported(): ReportedStatus {
    const { hostIP, podIP } = this.#facts
    const statuses = this.runners.map((runner) => runner.status())
    return podStatus(this.#pod, statuses, {
      hostIP,
      podIP,
      startTime: this.#startTime,
      mounted: this.#mounted,
      over: this.#over,
    })
  }

  /** A pod that has completed stays in the API until somebody deletes it. */
  #deletion(): Promise<void> {
    const { signal } = this.#terminating
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async #deleteFromApi(): Promise<void> {
    const { namespace, name, uid } = this.#pod.metadata
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#host.api.call('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } })
        return
      } catch (error) {
        if (isStatus(error, 404, 409)) return
        await delay(RETRY_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined)
      }
    }
  }

  /** Secrets and tokens do not stay on disk; logs do. */
  async #cleanUp(): Promise<void> {
    clearTimeout(this.#refreshTimer)
    this.#hold.release()
    this.#host.addresses.free(this.#facts.podIP)
    await rm(join(this.#folder, 'volumes'), { recursive: true, force: true })
    await rm(join(this.#folder, 'kubeconfig'), { force: true })
  }
}

function isTerminal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}
