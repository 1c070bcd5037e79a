import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parse, stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'
import { adminConfiguration } from '../stack/env-file.ts'
import type { Stack } from '../stack/stack.ts'
import { type ForwardedPort, forwardPort } from './forward-port.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl, kubectlJson } from './kubectl.ts'

const NAME = 'analytics-connector-admin'
const ADMIN = join(DEPLOY, 'admin')

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

interface Pod {
  readonly metadata: { readonly deletionTimestamp?: string }
  readonly status: { readonly podIP?: string }
}

/** A way to one of the pods: its own address where this machine reaches pods, else kubectl port-forward. */
export async function reachAdmin(stack: Stack): Promise<ForwardedPort> {
  if (stack.kind === 'containers') return forwardPort(stack, OPERATOR_NAMESPACE, `service/${NAME}`, 80)
  const selector = 'app.kubernetes.io/component=admin'
  const { items } = await kubectlJson<{ items: Pod[] }>(stack, 'get', 'pods', '-l', selector, '-n', OPERATOR_NAMESPACE)
  const pod = items.find(({ metadata }) => metadata.deletionTimestamp === undefined)
  return { url: `http://${pod?.status.podIP}:8443`, close: async () => {} }
}
