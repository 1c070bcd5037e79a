import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parse, stringify } from 'yaml'
import { adminConfiguration } from '../stack/env-file.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl, kubectlJson, stackEnvironment } from './kubectl.ts'

const NAME = 'analytics-connector-admin'
const ADMIN = resolve(import.meta.dirname, '../../deploy/admin')

/** What an overlay says beside the image and the configuration that these servers need. */
export interface AdminOverlay {
  /** Of deploy/admin. */
  readonly components: readonly string[]
  readonly configuration: Readonly<Record<string, unknown>>
}

/** Installs the REST API beside the operator, as a user does: an overlay over deploy/admin and `kubectl apply -k`. */
export async function installAdmin(
  stack: Stack,
  extra: AdminOverlay = { components: [], configuration: {} },
): Promise<void> {
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const overlay = await realpath(await mkdtemp(join(tmpdir(), 'admin-overlay-')))
  try {
    await writeOverlay(overlay, stack, extra)
    await kubectl(stack, ['apply', '--server-side', '--force-conflicts', '-k', overlay])
  } finally {
    await rm(overlay, { recursive: true })
  }
  const rollout = ['rollout', 'status', `deployment/${NAME}`, '-n', OPERATOR_NAMESPACE, '--timeout=120s']
  await kubectl(stack, rollout)
}

/** Takes it away again, as another test may look for what is left of an install. */
export async function removeAdmin(stack: Stack): Promise<void> {
  await kubectl(stack, ['delete', '-k', ADMIN, '--ignore-not-found', '--timeout=120s'])
}

async function writeOverlay(dir: string, stack: Stack, extra: AdminOverlay): Promise<void> {
  const configuration = {
    ...parse(adminConfiguration(stack)),
    kafka: { bootstrapServers: stack.inPod.kafkaBootstrapServers.split(',') },
    ...extra.configuration,
  }
  const [newName, newTag] = stack.image.split(/:(?=[^/:]*$)/)
  const overlay = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(dir, ADMIN)],
    components: extra.components.map((name) => relative(dir, join(ADMIN, name))),
    images: [{ name: 'analytics-connector', newName, newTag }],
    configMapGenerator: [
      { name: `${NAME}-config`, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['admin.yaml'] },
    ],
  }
  await writeFile(join(dir, 'admin.yaml'), stringify(configuration))
  await writeFile(join(dir, 'kustomization.yaml'), stringify(overlay))
}

export interface AdminEndpoint {
  /** Such as `http://127.3.4.5:8443`. */
  readonly url: string
  close(): Promise<void>
}

interface Pod {
  readonly metadata: { readonly deletionTimestamp?: string }
  readonly status: { readonly podIP?: string }
}

/** A way to one of the pods: its own address where this machine reaches pods, else kubectl port-forward. */
export async function reachAdmin(stack: Stack): Promise<AdminEndpoint> {
  if (stack.kind === 'containers') return forwardPort(stack)
  const selector = 'app.kubernetes.io/component=admin'
  const { items } = await kubectlJson<{ items: Pod[] }>(stack, 'get', 'pods', '-l', selector, '-n', OPERATOR_NAMESPACE)
  const pod = items.find(({ metadata }) => metadata.deletionTimestamp === undefined)
  return { url: `http://${pod?.status.podIP}:8443`, close: async () => {} }
}

async function forwardPort(stack: Stack): Promise<AdminEndpoint> {
  const args = ['port-forward', '-n', OPERATOR_NAMESPACE, `service/${NAME}`, ':80']
  const child: ChildProcess = spawn('kubectl', args, {
    env: stackEnvironment(stack),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null) throw new Error('kubectl has no output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const port = /:(\d+) ->/.exec(line)?.[1]
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
