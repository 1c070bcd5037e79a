import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Api } from './api.ts'
import { type ProcessSpec, StartError } from './child-process.ts'
import { containerEnvironment, expand } from './environment.ts'
import { translatePaths } from './mount-paths.ts'
import type { ObjectSource } from './object-cache.ts'
import type { Container, Pod } from './pod.ts'
import type { NodeFacts } from './pod-fields.ts'
import type { PodVolumes } from './pod-volumes.ts'
import { writePodKubeconfig } from './service-account.ts'

/** Everything a container's process is made from. */
export interface LaunchContext {
  readonly api: Api
  readonly pod: Pod
  readonly container: Container
  readonly facts: NodeFacts
  readonly objects: ObjectSource
  readonly volumes: PodVolumes
  readonly podFolder: string
  readonly logFile: string
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The command line, environment and working folder of a container, with $(VAR) expanded and mountPaths translated.
 *
 * @param entrypoint of the image
 * @throws Error with the kubelet's message while the container cannot be configured
 */
export async function launchSpec(context: LaunchContext, entrypoint: readonly string[]): Promise<ProcessSpec> {
  const { container, pod, podFolder, volumes, logFile } = context
  const mounts = volumes.mountsOf(container, pod)
  const translate = translatePaths(mounts)
  const defined = await containerEnvironment(context)
  const kubeconfig = await writePodKubeconfig(
    podFolder,
    context.api.connection.server,
    pod.metadata.namespace,
    mounts,
    (file) => readFile(file, 'utf8'),
  )
  const root = join(podFolder, 'root')
  await mkdir(root, { recursive: true })
  const argv = [...(container.command ?? entrypoint), ...(container.args ?? [])].map((word) =>
    translate(expand(word, defined)),
  )
  const env: Record<string, string> = { ...basics(context, root), ...(kubeconfig && { KUBECONFIG: kubeconfig }) }
  for (const [name, value] of defined) env[name] = translate(value)
  return { argv, env, cwd: container.workingDir ? translate(container.workingDir) : root, logFile }
}

/** What every container finds in its environment; nothing of the agent's own. */
function basics({ api, pod }: LaunchContext, root: string): Record<string, string> {
  const server = new URL(api.connection.server)
  return {
    PATH,
    HOME: root,
    HOSTNAME: pod.metadata.name,
    KUBERNETES_SERVICE_HOST: server.hostname,
    KUBERNETES_SERVICE_PORT: server.port || '443',
  }
}

/**
 * The entrypoint of an image, which is a command on this machine.
 *
 * @returns undefined when there is no such image
 */
export function entrypointOf(
  image: string,
  images: Readonly<Record<string, readonly string[]>>,
): readonly string[] | undefined {
  return (
    images[image] ?? (image.endsWith(':latest') ? images[image.slice(0, -':latest'.length)] : images[`${image}:latest`])
  )
}

/** @throws StartError for what this agent would otherwise leave out in silence */
export function refuseUnsupported({ spec }: Pod): void {
  if (spec.initContainers?.length) throw new StartError('this node agent does not run init containers')
}
