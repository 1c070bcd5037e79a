import { setTimeout as delay } from 'node:timers/promises'
import { type Api, isStatus, messageOf } from './api.ts'
import { apiTime } from './pod.ts'

export interface NodeDescription {
  readonly name: string
  readonly hostIP: string
  readonly allocatable: Readonly<Record<string, string>>
  /** Port of the log server on hostIP, 0 for none. */
  readonly logPort: number
}

/** A kubelet's own: a lease of 40 s renewed every 10 s. */
const LEASE_SECONDS = 40
const RENEW_MS = 10_000
const RETRY_MS = 500
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'

/**
 * Registers the Node and keeps its lease and Ready condition fresh until `signal` aborts. Failures are retried for ever and logged
 * once an outage; it never rejects.
 *
 * @param onRegistered called when the API server has the Node as Ready for the first time
 */
export async function keepRegistered(
  api: Api,
  node: NodeDescription,
  onRegistered: () => void,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let failing = false
  const readySince = apiTime(Date.now())
  while (!signal.aborted) {
    try {
      await reportNode(api, node, readySince)
      await renewLease(api, node.name)
      onRegistered()
      failing = false
    } catch (error) {
      if (!failing && !signal.aborted) log(`node ${node.name}: ${messageOf(error)}; trying again`)
      failing = true
    }
    await delay(failing ? RETRY_MS : RENEW_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function reportNode(
  api: Api,
  { name, hostIP, allocatable, logPort }: NodeDescription,
  readySince: string,
): Promise<void> {
  const lastHeartbeatTime = apiTime(Date.now())
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'node agent is posting ready status' }
  const status = {
    capacity: allocatable,
    allocatable,
    addresses: [
      { type: 'InternalIP', address: hostIP },
      { type: 'Hostname', address: hostIP },
    ],
    conditions: [{ ...ready, lastHeartbeatTime, lastTransitionTime: readySince }],
    nodeInfo: {
      kubeletVersion: 'v1.34.4-node-agent',
      containerRuntimeVersion: 'process://1',
      operatingSystem: 'linux',
    },
    ...(logPort > 0 && { daemonEndpoints: { kubeletEndpoint: { Port: logPort } } }),
  }
  const register = () => {
    const metadata = { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } }
    return api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata, status })
  }
  await api.call('PATCH', `/api/v1/nodes/${name}/status`, { status }).catch((error: unknown) => {
    if (isStatus(error, 404)) return register()
    throw error
  })
}

async function renewLease(api: Api, name: string): Promise<void> {
  const renewTime = new Date().toISOString().replace('Z', '000Z')
  const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime }
  await api.call('PATCH', `${LEASES}/${name}`, { spec }).catch((error: unknown) => {
    if (isStatus(error, 404)) return api.call('POST', LEASES, { metadata: { name }, spec })
    throw error
  })
}
