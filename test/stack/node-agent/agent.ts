/**
 * A node agent for tests and the demo on a machine without a container engine: it stands where a kubelet stands. It watches the
 * pods that are bound to its Node on a real kube-apiserver and runs the command of each container as a child process, on a loopback
 * address of the pod's own, and reports pod status as a kubelet does. Linux (the loopback addresses); root is not needed.
 *
 * It does: node registration and lease; images by a table from image to command; env, envFrom, $(VAR); configMap, secret,
 * projected, downwardAPI, emptyDir and hostPath volumes, refreshed when their objects change; startup, liveness and readiness
 * probes (http, tcp, exec); restart policy with back-off; SIGTERM, grace period, SIGKILL; memory limits by looking at the resident
 * memory twice a second; events; `kubectl logs`. Its processes end when it ends, kill -9 included. It outlives API server restarts.
 *
 * It does not, and a test that needs one of these needs a kubelet:
 * - isolate: processes see the machine's files, network, users and each other. securityContext, cpu limits, ephemeral storage,
 *   hostname and DNS settings have no effect; a read-only root file system is writable.
 * - mount: a mountPath does not exist. It is replaced by the real folder where it begins a path in command, args and env values
 *   (mount-paths.ts), not inside files. A service account is offered as a kubeconfig through KUBECONFIG instead, and
 *   KUBERNETES_SERVICE_HOST/PORT are the API server's own address.
 * - give a pod a network: a program must listen on its pod IP (fieldRef status.podIP); listening on 0.0.0.0 takes the port from every
 *   pod. Services, their addresses and DNS names do not work (EndpointSlices refuse loopback addresses).
 * - run init containers (the container ends with StartError), lifecycle hooks, gRPC probes, ephemeral containers, exec, attach,
 *   port-forward; honour activeDeadlineSeconds, terminationMessagePath, subPathExpr; evict; pull images.
 * - wait as long as a kubelet: crash back-off is 1 s to 30 s, not 10 s to 5 min; changed ConfigMaps show within a second.
 * - tell the truth about capacity: the Node offers far more cpu and memory than the machine has, so that requests do not decide.
 */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createApi, messageOf } from './api.ts'
import { keptLogFile, readLog } from './container-log.ts'
import { EventRecorder } from './events.ts'
import { readKubeconfig } from './kubeconfig.ts'
import { startLogServer } from './log-server.ts'
import { keepRegistered } from './node-registration.ts'
import { ObjectCache } from './object-cache.ts'
import { watchObjects } from './object-watch.ts'
import type { Pod } from './pod.ts'
import { PodAddresses } from './pod-addresses.ts'
import { PodTable } from './pod-table.ts'

export interface NodeAgentOptions {
  /** Identity `system:node:<nodeName>` in group `system:nodes`. */
  readonly kubeconfigPath: string
  readonly nodeName: string
  /** Logs in `<dir>/<namespace>_<pod>_<uid>/<container>.log`, which stay; volumes beside them, which go with the pod. */
  readonly dir: string
  /** Such as 127.83.12: pods get 127.83.12.2 and so on. */
  readonly podAddressPrefix: string
  /** Image name to its entrypoint, a command on this machine. Read at every container start. */
  readonly images: Record<string, readonly string[]>
  readonly log: (line: string) => void
}

export interface NodeAgent {
  /** kill -9 of every process of the pod's containers; resolves when they are gone. Their restart policy decides what follows. */
  killPod(namespace: string, name: string): Promise<void>
  /**
   * The log of one container of a pod, all attempts so far, also after the pod is gone.
   *
   * @param container absent: the first one
   * @throws Error when no such pod ever wrote a log here
   */
  podLog(namespace: string, name: string, container?: string): Promise<string>
  /** Ends every process at once and leaves the API server as it is. */
  stop(): Promise<void>
}

const HOST_IP = '127.0.0.1'
const ALLOCATABLE = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '256Gi', pods: '250' }

/** An API server that is up accepts a Node at once. */
const REGISTRATION_MS = 60_000

/**
 * Starts the agent; resolves when the API server has accepted its Node.
 *
 * @throws Error when that did not happen within a minute
 */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { kubeconfigPath, nodeName, podAddressPrefix, images, log } = options
  const dir = resolve(options.dir)
  await mkdir(dir, { recursive: true })
  const api = createApi(readKubeconfig(kubeconfigPath))
  const description = { name: nodeName, hostIP: HOST_IP, allocatable: ALLOCATABLE }
  const cache = new ObjectCache(api)
  const events = new EventRecorder(api, nodeName, log)
  const addresses = new PodAddresses(podAddressPrefix)
  const pods = new PodTable({ api, cache, events, addresses, node: { ...description, nodeName }, images, dir, log })
  const logServer = await startLogServer(HOST_IP, dir, pods.runner.bind(pods)).catch((error: unknown) => {
    log(`kubectl logs will not work: ${messageOf(error)}`)
  })
  const stopping = new AbortController()
  const registered = Promise.withResolvers<void>()
  const node = { ...description, logPort: logServer?.port ?? 0 }
  const loops = [
    keepRegistered(api, node, registered.resolve, log, stopping.signal),
    watchObjects<Pod>(api, '/api/v1/pods', `spec.nodeName=${nodeName}`, pods, stopping.signal),
  ]
  const stop = async () => {
    stopping.abort()
    await logServer?.close()
    await pods.stop()
    await api.close()
    await Promise.all(loops)
  }
  const late = `the API server did not accept node ${nodeName} within ${REGISTRATION_MS / 1000} s`
  const deadline = setTimeout(() => registered.reject(new Error(late)), REGISTRATION_MS)
  await registered.promise.catch(async (error: unknown) => {
    await stop()
    throw error
  })
  clearTimeout(deadline)
  const killPod = async (namespace: string, name: string) => {
    await Promise.all(pods.find(namespace, name).runners.map((runner) => runner.kill()))
  }
  return { killPod, podLog: (...which) => podLog(pods, dir, ...which), stop }
}

async function podLog(
  pods: PodTable,
  dir: string,
  namespace: string,
  name: string,
  container?: string,
): Promise<string> {
  const file = pods.has(namespace, name)
    ? pods.runner(namespace, name, container).logFile
    : await keptLogFile(dir, namespace, name, container)
  if (!file) throw new Error(`no log of pod ${namespace}/${name}`)
  return (await readLog(file, 0)).toString('utf8')
}
