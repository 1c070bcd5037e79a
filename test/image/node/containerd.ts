import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../stack/native/run-command.ts'
import { ServerProcess } from '../../stack/native/server-process.ts'
import { pauseImage } from '../image/build-image.ts'

/** The namespace of containerd in which a kubelet looks for images and containers. */
const KUBERNETES = 'k8s.io'
export const podNetwork = '10.244.2.0/24'

/** A running containerd with images of its own. */
export class Containerd {
  readonly socket: string

  constructor(socket: string) {
    this.socket = socket
  }

  async importImage(archive: string): Promise<void> {
    await this.#ctr('images', 'import', archive)
  }

  /** The process of a pod's container, as this machine numbers it. */
  async processOf(namespace: string, pod: string): Promise<number> {
    const ofPod = `labels."io.kubernetes.pod.namespace"==${namespace},labels."io.kubernetes.pod.name"==${pod}`
    const containers = await this.#ctr('containers', 'list', '--quiet', `${ofPod},${isNoSandbox}`)
    return runningProcess(await this.#ctr('tasks', 'list'), containers.split('\n'), `${namespace}/${pod}`)
  }

  #ctr(...args: string[]): Promise<string> {
    return runCommand('ctr', ['--address', this.socket, '--namespace', KUBERNETES, ...args])
  }
}

/** Starts containerd with everything it writes under `dir`. */
export async function startContainerd(
  dir: string,
  cniFolder: string,
  onUnexpectedExit: (line: string) => void,
): Promise<{ readonly containerd: Containerd; readonly server: ServerProcess }> {
  const socket = join(dir, 'containerd.sock')
  const network = join(dir, 'net.d')
  await mkdir(network, { recursive: true })
  await writeFile(join(network, '10-pods.conflist'), JSON.stringify(bridge(join(dir, 'addresses')), undefined, 2))
  await writeFile(join(dir, 'containerd.toml'), configuration(dir, socket, cniFolder, network))
  const server = new ServerProcess({
    name: 'containerd',
    command: 'containerd',
    args: ['--config', join(dir, 'containerd.toml'), '--log-level', 'warn'],
    cwd: dir,
    logPath: join(dir, 'containerd.log'),
    isReady: async () => (await runCommand('ctr', ['--address', socket, 'version'])) !== '',
    onUnexpectedExit,
  })
  await server.start()
  return { containerd: new Containerd(socket), server }
}

/** A sandbox has a process too: a pause. */
const isNoSandbox = 'labels."io.cri-containerd.kind"==container'

/** @param tasks what `ctr tasks list` prints: id, process, state */
function runningProcess(tasks: string, containers: readonly string[], pod: string): number {
  for (const line of tasks.split('\n')) {
    const [id = '', pid, state] = line.trim().split(/\s+/)
    if (containers.includes(id) && state === 'RUNNING') return Number(pid)
  }
  throw new Error(`no container of ${pod} runs`)
}

/** Pods have addresses of their own on a bridge; the node is their gateway. */
function bridge(dataDir: string) {
  const ipam = { type: 'host-local', ranges: [[{ subnet: podNetwork }]], dataDir, routes: [{ dst: '0.0.0.0/0' }] }
  const plugin = { type: 'bridge', bridge: 'pods0', isGateway: true, ipMasq: false, ipam }
  return { cniVersion: '0.4.0', name: 'pods', plugins: [plugin] }
}

/**
 * restrict_oom_score_adj: a machine may lack the right to protect containerd and sandboxes from the out-of-memory killer (CAP_SYS_RESOURCE).
 * The snapshotters that are left out need file systems that are not here, and complain.
 */
function configuration(dir: string, socket: string, cniFolder: string, network: string): string {
  return `version = 2
root = "${join(dir, 'root')}"
state = "${join(dir, 'state')}"
oom_score = 0
disabled_plugins = [${['aufs', 'btrfs', 'zfs', 'devmapper'].map((name) => `"io.containerd.snapshotter.v1.${name}"`).join(', ')}]

[grpc]
  address = "${socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolder}"
    conf_dir = "${network}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`
}
