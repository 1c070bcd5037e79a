import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { runCommand } from '../../stack/native/run-command.ts'
import { ServerProcess } from '../../stack/native/server-process.ts'
import { nodeAddress } from '../private-namespaces.ts'
import { podNetwork } from './containerd.ts'

export interface NodeOptions {
  /** The folder with kubelet and kube-proxy. */
  readonly bin: string
  readonly kubectl: string
  readonly dir: string
  readonly nodeName: string
  readonly containerdSocket: string
  readonly cgroup: string
  readonly nodeKubeconfig: string
  readonly adminKubeconfig: string
  readonly onUnexpectedExit: (line: string) => void
}

/** Starts kubelet and kube-proxy; resolves with them when the node is ready. */
export async function startNode(options: NodeOptions): Promise<ServerProcess[]> {
  const { dir, bin, nodeName, kubectl, adminKubeconfig, onUnexpectedExit } = options
  await mkdir(dir, { recursive: true })
  const configuration = join(dir, 'kubelet.yaml')
  await writeFile(configuration, stringify(kubeletConfiguration(options)))
  const start = async (name: string, args: string[], isReady: () => Promise<boolean>) => {
    const server = new ServerProcess({
      ...{ name, args, isReady, onUnexpectedExit, cwd: dir },
      ...{ command: join(bin, name), logPath: join(dir, `${name}.log`) },
    })
    await server.start()
    return server
  }
  const kubelet = await start(
    'kubelet',
    [
      ...['--config', configuration, '--kubeconfig', options.nodeKubeconfig],
      ...['--root-dir', join(dir, 'kubelet'), '--cert-dir', join(dir, 'pki')],
      ...['--hostname-override', nodeName, '--node-ip', nodeAddress],
    ],
    async () => {
      const wait = ['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=5s']
      return (await runCommand(kubectl, wait, { env: { KUBECONFIG: adminKubeconfig } })) !== ''
    },
  )
  const isProxyReady = async () => (await fetch(`http://${proxyHealth}/healthz`)).ok
  return [kubelet, await start('kube-proxy', proxyFlags(options), isProxyReady)]
}

/** https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/; what is not said has the default of any cluster. */
function kubeletConfiguration({ dir, containerdSocket, cgroup }: NodeOptions) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeAddress,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    // The API server asks it for logs without a certificate; nobody else is in this network.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    podLogsDir: join(dir, 'pod-logs'),
    volumePluginDir: join(dir, 'volume-plugins'),
    clusterDomain: 'cluster.local',
    clusterDNS: [nodeAddress],
    resolvConf: '/dev/null',
    nodeStatusUpdateFrequency: '5s',
    // How soon a changed Secret is in its pods; a minute by default.
    syncFrequency: '10s',
    // This machine's swap, disk and memory are not the node's to manage.
    failSwapOn: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '50Mi' },
    makeIPTablesUtilChains: false,
  }
}

const proxyHealth = '127.0.0.1:10256'

/** Services are nftables rules; limits of connection tracking are the machine's, which is not ours to change. */
function proxyFlags({ adminKubeconfig, nodeName }: NodeOptions): string[] {
  return [
    ...['--kubeconfig', adminKubeconfig, '--hostname-override', nodeName, '--proxy-mode', 'nftables'],
    ...['--cluster-cidr', podNetwork, '--healthz-bind-address', proxyHealth],
    ...['--metrics-bind-address', '127.0.0.1:10249'],
    ...['--conntrack-max-per-core', '0', '--conntrack-tcp-timeout-established', '0'],
    ...['--conntrack-tcp-timeout-close-wait', '0'],
  ]
}
