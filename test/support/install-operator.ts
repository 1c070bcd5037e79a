import { API_GROUP, PLURAL } from '../../src/contract/names.ts'
import type { Stack } from '../stack/stack.ts'
import { kubectl } from './kubectl.ts'
import { type Overlay, runningImage, withOverlay } from './overlay.ts'

/** Where deploy/base puts the operator. */
export const OPERATOR_NAMESPACE = 'analytics-connector'
const DEPLOYMENT = 'analytics-connector-operator'
/** ConfigMap with the operator's configuration file. */
const CONFIGURATION = 'analytics-connector-config'

/**
 * Installs the operator as a user does: a kustomize overlay over deploy/base that sets image, realm and Kafka, and
 * `kubectl apply -k`. Resolves when its pods are available; an operator that is there already is brought up to date.
 *
 * @param configuration beside realm and Kafka
 */
export async function installOperator(
  stack: Stack,
  progress: (line: string) => void,
  configuration: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  progress('installing the operator: kubectl apply -k')
  await withOverlay(overlayFor(stack, configuration), (folder) =>
    kubectl(stack, ['apply', '--server-side', '--force-conflicts', '-k', folder]),
  )
  await kubectl(stack, ['wait', '--for=condition=Established', `crd/${PLURAL}.${API_GROUP}`, '--timeout=30s'])
  progress('waiting for the operator')
  const rollout = ['rollout', 'status', `deployment/${DEPLOYMENT}`, '-n', OPERATOR_NAMESPACE, '--timeout=120s']
  await kubectl(stack, rollout)
}

function overlayFor({ image, inPod }: Stack, configuration: object): Overlay {
  const kafka = { bootstrapServers: inPod.kafkaBootstrapServers.split(',') }
  return {
    files: { 'operator.yaml': { realm: 'dev', kafka, ...configuration } },
    kustomization: (deploy) => ({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [deploy('base')],
      images: [runningImage(image)],
      // Without its namespace kustomize does not see that this is the base's ConfigMap.
      configMapGenerator: [
        { name: CONFIGURATION, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['operator.yaml'] },
      ],
    }),
  }
}
