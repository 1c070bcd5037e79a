import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { K3sContainer, type StartedK3sContainer } from '@testcontainers/k3s'
import { getContainerRuntimeClient, type StartedNetwork } from 'testcontainers'
import type { ServerControl } from '../stack.ts'

const image = 'rancher/k3s:v1.34.1-k3s1'
/** Makes the API server refuse everybody but the node itself. */
const blockRule = 'INPUT -p tcp --dport 6443 ! -i lo -j REJECT --reject-with tcp-reset'

/** Starts Kubernetes with what is needed here: no ingress, load balancer, metrics or storage. */
export function startK3s(network: StartedNetwork): Promise<StartedK3sContainer> {
  return new K3sContainer(image)
    .withCommand(['server', '--disable=traefik,servicelb,metrics-server,local-storage'])
    .withNetwork(network)
    .withNetworkAliases('kubernetes')
    .start()
}

/** Brings an image from the Docker engine to the node, so that no registry is asked for it. */
export async function importImage(k3s: StartedK3sContainer, name: string, dir: string): Promise<void> {
  const archive = join(dir, 'image.tar')
  const { container } = await getContainerRuntimeClient()
  await pipeline(await container.dockerode.getImage(name).get(), createWriteStream(archive))
  await k3s.copyFilesToContainer([{ source: archive, target: '/tmp/image.tar' }])
  await run(k3s, ['ctr', '--namespace', 'k8s.io', 'images', 'import', '/tmp/image.tar'])
}

/** Writes a kubeconfig for this machine. */
export async function writeKubeconfig(k3s: StartedK3sContainer, dir: string): Promise<string> {
  const path = join(dir, 'kubeconfig')
  await writeFile(path, k3s.getKubeConfig(), { mode: 0o600 })
  return path
}

/** A folder with kubectl: on Linux the cluster's own, elsewhere the machine must have one. */
export async function provideKubectl(k3s: StartedK3sContainer, dir: string): Promise<string[]> {
  if (process.platform !== 'linux') return []
  const bin = join(dir, 'bin')
  await mkdir(bin)
  // k3s is one program that goes by the name it is called by.
  await promisify(execFile)('docker', ['cp', '--follow-link', `${k3s.getId()}:/bin/k3s`, join(bin, 'kubectl')])
  return [bin]
}

/** Applies a manifest and, for CustomResourceDefinitions, waits until the kinds can be used. */
export async function applyManifest(k3s: StartedK3sContainer, manifest: string, waitFor?: string): Promise<void> {
  await k3s.copyContentToContainer([{ content: manifest, target: '/tmp/manifest.yaml' }])
  await run(k3s, ['kubectl', 'apply', '--server-side', '--force-conflicts', '-f', '/tmp/manifest.yaml'])
  if (waitFor === undefined) return
  await run(k3s, ['kubectl', 'wait', `--for=condition=${waitFor}`, '--timeout=30s', '-f', '/tmp/manifest.yaml'])
}

/**
 * In k3s the API server is one process with the node, and stopping it would stop the pods as well. So it is made
 * unreachable instead: for its clients, on this machine and in pods, the same as gone.
 */
export function apiServerControl(k3s: StartedK3sContainer): ServerControl {
  const isBlocked = async () => (await k3s.exec(['sh', '-c', `iptables -C ${blockRule}`])).exitCode === 0
  return {
    stop: async () => {
      if (!(await isBlocked())) await run(k3s, ['sh', '-c', `iptables -I ${blockRule}`])
    },
    start: async () => {
      if (await isBlocked()) await run(k3s, ['sh', '-c', `iptables -D ${blockRule}`])
    },
  }
}

/** Kills the main process of each of a pod's containers, as they are seen from the node. */
export async function killPod(k3s: StartedK3sContainer, namespace: string, name: string): Promise<void> {
  const labels = `--label io.kubernetes.pod.namespace=${namespace} --label io.kubernetes.pod.name=${name}`
  const pidOf = "crictl inspect --output go-template --template '{{.info.pid}}'"
  await run(k3s, ['sh', '-c', `for id in $(crictl ps --quiet ${labels}); do kill -9 $(${pidOf} $id); done`])
}

export function podLog(k3s: StartedK3sContainer, namespace: string, name: string): Promise<string> {
  return run(k3s, ['kubectl', 'logs', '--namespace', namespace, name])
}

async function run(k3s: StartedK3sContainer, command: string[]): Promise<string> {
  const { exitCode, output } = await k3s.exec(command)
  if (exitCode !== 0)
    throw new Error(`${command.slice(0, 3).join(' ')} in k3s: exit code ${exitCode}: ${output.trim()}`)
  return output
}
