import { createServer, type Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { CONNECTOR_LABEL, HTTP_PORT, REVISION_ANNOTATION } from '../../src/contract/names.ts'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import { claimPodNetwork, type PodNetwork } from '../stack/native/pod-network.ts'
import { type Api, createApi, isStatus } from '../stack/node-agent/api.ts'
import { readKubeconfig } from '../stack/node-agent/kubeconfig.ts'
import { keepRegistered } from '../stack/node-agent/node-registration.ts'
import { watchObjects } from '../stack/node-agent/object-watch.ts'
import { apiTime, type Pod } from '../stack/node-agent/pod.ts'
import { PodAddresses } from '../stack/node-agent/pod-addresses.ts'
import { aSinkStatus } from './sink-status.ts'

/** Label and taint that keep all pods away from the node but those that are made for it. */
const ONLY_SIMULATED = 'analytics-connector.test/simulated'

/** The parts of a pod template that bring its pods to one simulated node. */
export type Placement = ReturnType<typeof placementOn>

function placementOn(name: string) {
  return {
    nodeSelector: { [ONLY_SIMULATED]: name },
    tolerations: [{ key: ONLY_SIMULATED, operator: 'Exists' as const }],
  }
}

export interface SimulatedNodeOptions {
  readonly kubeconfigPath: string
  readonly name: string
  /** From the pod's binding to a sink that delivers, in milliseconds. */
  readonly startMs?: number
  /** What the sink of a pod says beyond that it delivers; undefined: it does not answer. */
  readonly says?: (pod: Pod) => Partial<SinkStatus> | undefined
  /** Whether the sink of a pod takes connections and never answers. */
  readonly isSilent?: (pod: Pod) => boolean
  /** What the kubelet says of a pod's container that does not run. */
  readonly container?: (pod: Pod) => object | undefined
  /** How long a pod drains, in milliseconds. */
  readonly drainMs?: (pod: Pod) => number
}

interface Running {
  readonly pod: Pod
  readonly server: Server
  readonly address: string
  readonly addresses: PodAddresses
}

/**
 * A node whose pods are not processes: each is a `/status` at an address of its own, and a status that the API server is told.
 * Everything else (scheduler, Deployments, garbage collection) is real. For tests of the operator in which only its own time counts.
 */
export class SimulatedNode {
  readonly #options: SimulatedNodeOptions
  readonly #api: Api
  readonly #stop = new AbortController()
  readonly #pods = new Map<string, Running | 'starting'>()
  readonly #networks: { network: PodNetwork; addresses: PodAddresses; used: number }[] = []
  readonly #reserved = new Map<string, PodAddresses>()
  #loops: Promise<void>[] = []
  /** Requests for `/status` that were answered. */
  asked = 0

  private constructor(options: SimulatedNodeOptions) {
    this.#options = options
    this.#api = createApi(readKubeconfig(options.kubeconfigPath))
  }

  static async start(options: SimulatedNodeOptions): Promise<SimulatedNode> {
    const node = new SimulatedNode(options)
    await node.#start()
    return node
  }

  get placement(): Placement {
    return placementOn(this.#options.name)
  }

  /** Pods that answer. */
  get running(): number {
    return [...this.#pods.values()].filter((pod) => pod !== 'starting').length
  }

  /** An address for a pod that comes with it in its status: such a pod runs already, and nobody is told. */
  async reserve(): Promise<string> {
    const { address, addresses } = await this.#address()
    this.#reserved.set(address, addresses)
    return address
  }

  /** Ends every pod's server and removes the node. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loops)
    await this.#api.call('DELETE', `/api/v1/nodes/${this.#options.name}`).catch(() => {})
    await this.#api.close()
    for (const uid of [...this.#pods.keys()]) this.#end(uid)
    for (const { network } of this.#networks) network.release()
  }

  async #start(): Promise<void> {
    const { name } = this.#options
    const registered = Promise.withResolvers<void>()
    const allocatable = { cpu: '100000', memory: '100000Gi', 'ephemeral-storage': '100000Gi', pods: '50000' }
    const description = { name, hostIP: '127.0.0.1', allocatable, logPort: 0 }
    this.#loops = [keepRegistered(this.#api, description, registered.resolve, () => {}, this.#stop.signal)]
    await registered.promise
    const taints = [{ key: ONLY_SIMULATED, value: 'true', effect: 'NoSchedule' }]
    const labels = { [ONLY_SIMULATED]: name }
    await this.#api.call('PATCH', `/api/v1/nodes/${name}`, { metadata: { labels }, spec: { taints } })
    const change = (pod: Pod) => void this.#change(pod)
    const handlers = {
      onList: (pods: readonly Pod[]) => pods.forEach(change),
      onChange: change,
      onDelete: ({ metadata }: Pod) => this.#end(metadata.uid),
      onOutage: () => {},
    }
    this.#loops.push(watchObjects<Pod>(this.#api, '/api/v1/pods', `spec.nodeName=${name}`, handlers, this.#stop.signal))
  }

  async #change(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp } = pod.metadata
    try {
      if (deletionTimestamp !== undefined) await this.#remove(pod)
      else if (!this.#pods.has(uid)) await this.#run(pod)
    } catch (error) {
      this.#end(uid)
      // Gone meanwhile, or the node is; anything else is tried again with the next change or list.
      if (!this.#stop.signal.aborted && !isStatus(error, 404, 409)) await delay(500).then(() => this.#change(pod))
    }
  }

  async #run(pod: Pod): Promise<void> {
    const { uid } = pod.metadata
    this.#pods.set(uid, 'starting')
    const known = pod.status?.podIP ?? ''
    const reserved = this.#reserved.get(known)
    const { address, addresses } = reserved ? { address: known, addresses: reserved } : await this.#address()
    this.#reserved.delete(address)
    if (!this.#pods.has(uid)) return addresses.free(address)
    const server = createServer((_request, response) => {
      if (this.#options.isSilent?.(pod)) return
      this.asked++
      const says = this.#options.says ? this.#options.says(pod) : {}
      if (says === undefined) return response.destroy()
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ ...this.#statusOf(pod), ...says }))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(HTTP_PORT, address, resolve)
    })
    this.#pods.set(uid, { pod, server, address, addresses })
    if (reserved) return
    await delay(this.#options.startMs ?? 0)
    await this.#api.call('PATCH', `${path(pod)}/status`, {
      status: statusOf(pod, address, this.#isReady(pod), this.#options.container?.(pod)),
    })
  }

  async #remove(pod: Pod): Promise<void> {
    await delay(this.#options.drainMs?.(pod) ?? 0)
    this.#end(pod.metadata.uid)
    const options = { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } }
    await this.#api.call('DELETE', path(pod), options)
  }

  #end(uid: string): void {
    const running = this.#pods.get(uid)
    this.#pods.delete(uid)
    if (running === undefined || running === 'starting') return
    running.addresses.free(running.address)
    running.server.close()
    running.server.closeAllConnections()
  }

  /** As the readiness probe finds it; a sink that does not answer the operator may well answer the kubelet. */
  #isReady(pod: Pod): boolean {
    return (this.#options.says?.(pod)?.state ?? 'ACTIVE') === 'ACTIVE'
  }

  #statusOf(pod: Pod): SinkStatus {
    const { namespace, labels, annotations } = pod.metadata
    const connector = `${namespace}/${labels?.[CONNECTOR_LABEL]}`
    return aSinkStatus({ connector, revision: annotations?.[REVISION_ANNOTATION] ?? '' })
  }

  /** A free address; a block has 253, of which the last few are left alone. */
  async #address(): Promise<{ address: string; addresses: PodAddresses }> {
    const open = this.#networks.find(({ used }) => used < 250) ?? (await this.#network())
    open.used++
    return { address: open.addresses.take(), addresses: open.addresses }
  }

  async #network() {
    const network = await claimPodNetwork()
    const made = { network, addresses: new PodAddresses(network.prefix), used: 0 }
    this.#networks.push(made)
    return made
  }
}

function path({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`
}

/** A container that has ended for good ends its pod. */
function phaseOf(problem: { state?: { terminated?: { exitCode: number } } } | undefined): string {
  const ended = problem?.state?.terminated
  if (ended) return ended.exitCode === 0 ? 'Succeeded' : 'Failed'
  return problem ? 'Pending' : 'Running'
}

function statusOf(pod: Pod, podIP: string, isReady: boolean, problem: object | undefined) {
  const lastTransitionTime = apiTime(Date.now())
  const ready = isReady && !problem
  const status = ready ? 'True' : 'False'
  const { image = '', name = 'sink' } = pod.spec.containers[0] ?? {}
  return {
    phase: phaseOf(problem),
    podIP,
    podIPs: [{ ip: podIP }],
    hostIP: '127.0.0.1',
    startTime: lastTransitionTime,
    conditions: ['Ready', 'ContainersReady'].map((type) => ({ type, status, lastTransitionTime })),
    containerStatuses: [
      {
        ...{ name, image, imageID: image, containerID: `simulated://${pod.metadata.uid}` },
        ...{ ready, started: true, restartCount: 0, lastState: {} },
        state: { running: { startedAt: lastTransitionTime } },
        ...(problem ? { started: false, ...problem } : {}),
      },
    ],
  }
}
