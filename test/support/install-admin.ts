import { join } from 'node:path'
import { parse } from 'yaml'
import { DEPLOY } from '../repository.ts'
import { adminConfiguration } from '../stack/env-file.ts'
import type { Stack } from '../stack/stack.ts'
import { type ForwardedPort, forwardPort } from './forward-port.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl, kubectlJson } from './kubectl.ts'
import { type Overlay, runningImage, withOverlay } from './overlay.ts'

const NAME = 'analytics-connector-admin'

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
  await withOverlay(overlayFor(stack, extra), (folder) =>
    kubectl(stack, ['apply', '--server-side', '--force-conflicts', '-k', folder]),
  )
  const rollout = ['rollout', 'status', `deployment/${NAME}`, '-n', OPERATOR_NAMESPACE, '--timeout=120s']
  await kubectl(stack, rollout)
}

/** Takes it away again, as another test may look for what is left of an install. */
export async function removeAdmin(stack: Stack): Promise<void> {
  await kubectl(stack, ['delete', '-k', join(DEPLOY, 'admin'), '--ignore-not-found', '--timeout=120s'])
}

function overlayFor(stack: Stack, extra: AdminOverlay): Overlay {
  const configuration = {
    ...parse(adminConfiguration(stack)),
    kafka: { bootstrapServers: stack.inPod.kafkaBootstrapServers.split(',') },
    ...extra.configuration,
  }
  return {
    files: { 'admin.yaml': configuration },
    kustomization: (deploy) => ({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [deploy('admin')],
      components: extra.components.map((name) => deploy(`admin/${name}`)),
      images: [runningImage(stack.image)],
      configMapGenerator: [
        { name: `${NAME}-config`, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['admin.yaml'] },
      ],
    }),
  }
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
