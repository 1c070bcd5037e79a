import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import { DEPLOY } from '../repository.ts'
import { API_GROUP, PLURAL } from '../../src/contract/names.ts'
import type { Stack } from '../stack/stack.ts'
import { kubectl } from './kubectl.ts'

/** Where deploy/base puts the operator. */
export const OPERATOR_NAMESPACE = 'analytics-connector'
const DEPLOYMENT = 'analytics-connector-operator'
/** ConfigMap with the operator's configuration file. */
const CONFIGURATION = 'analytics-connector-config'

const BASE = join(DEPLOY, 'base')

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
  // kustomize compares real paths, and takes a base outside of the overlay by a relative path only.
  const overlay = await realpath(await mkdtemp(join(tmpdir(), 'operator-overlay-')))
  try {
    await writeOverlay(overlay, stack, configuration)
    progress('installing the operator: kubectl apply -k')
    await kubectl(stack, ['apply', '--server-side', '--force-conflicts', '-k', overlay])
  } finally {
    await rm(overlay, { recursive: true })
  }
  await kubectl(stack, ['wait', '--for=condition=Established', `crd/${PLURAL}.${API_GROUP}`, '--timeout=30s'])
  progress('waiting for the operator')
  const rollout = ['rollout', 'status', `deployment/${DEPLOYMENT}`, '-n', OPERATOR_NAMESPACE, '--timeout=120s']
  await kubectl(stack, rollout)
}

async function writeOverlay(dir: string, { image, inPod }: Stack, extra: object): Promise<void> {
  const kafka = { bootstrapServers: inPod.kafkaBootstrapServers.split(',') }
  const configuration = { realm: 'dev', kafka, ...extra }
  const [newName, newTag] = image.split(/:(?=[^/:]*$)/)
  const overlay = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(dir, BASE)],
    images: [{ name: 'analytics-connector', newName, newTag }],
    // Without its namespace kustomize does not see that this is the base's ConfigMap.
    configMapGenerator: [
      { name: CONFIGURATION, namespace: OPERATOR_NAMESPACE, behavior: 'replace', files: ['operator.yaml'] },
    ],
  }
  await writeFile(join(dir, 'operator.yaml'), stringify(configuration))
  await writeFile(join(dir, 'kustomization.yaml'), stringify(overlay))
}
