import { expect } from 'vitest'
import type { Stack } from '../stack/stack.ts'
import { eventually } from '../support/eventually.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectl, kubectlJson } from '../support/kubectl.ts'
import { type Scene, test } from './scene.ts'

const NAME = 'edited'
const EDITED_PATH = 'edited/{topic}.json'

test('the leading operator is killed in mid-rollout of an edit: another finishes it, and delivery never stops', async ({
  scene,
  stack,
}) => {
  scene.stream()
  await scene.apply(NAME, { spec: { replicas: 2 } })
  await scene.ready(NAME)
  await scene.delivers()
  const generation = await deploymentGeneration(scene)
  const leader = await leadingPod(stack)

  await scene.patchConfig(NAME, { customPath: EDITED_PATH })
  await eventually(10_000, async () => expect(await deploymentGeneration(scene)).toBeGreaterThan(generation), 50)
  await stack.killPod(OPERATOR_NAMESPACE, leader)
  expect(await scene.columns(NAME), 'killed too late: the edit was complete').not.toMatchObject({ READY: 'True' })

  await scene.ready(NAME, 60)
  await eventually(10_000, async () => expect(await scene.bucket.objects('edited/')).not.toEqual([]))
  await scene.settled()
}, 120_000)

test('the leading operator pod is deleted: its lease is given back and the next one applies an edit within seconds', async ({
  scene,
  stack,
}) => {
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  const leader = await leadingPod(stack)

  await scene.patchConfig(NAME, { customPath: EDITED_PATH })
  await kubectl(stack, ['delete', 'pod', leader, '-n', OPERATOR_NAMESPACE, '--wait=false'])
  await scene.ready(NAME, 30)
  expect(await leadingPod(stack)).not.toBe(leader)
  await scene.settled()
}, 120_000)

async function deploymentGeneration(scene: Scene): Promise<number> {
  const { items } = await kubectlJson<{ items: { metadata: { generation: number } }[] }>(
    scene.stack,
    'get',
    'deployments',
    '-n',
    scene.id,
  )
  return items[0]?.metadata.generation ?? 0
}

/** The pod that holds the operator's lease. */
async function leadingPod(stack: Stack): Promise<string> {
  return eventually(30_000, async () => {
    const [leases, pods] = await Promise.all([
      kubectlJson<{ items: { spec: { holderIdentity?: string } }[] }>(stack, 'get', 'leases', '-n', OPERATOR_NAMESPACE),
      kubectlJson<{ items: { metadata: { name: string } }[] }>(stack, 'get', 'pods', '-n', OPERATOR_NAMESPACE),
    ])
    const holders = leases.items.map(({ spec }) => spec.holderIdentity ?? '')
    const leader = pods.items.find(({ metadata }) => holders.some((holder) => holder.startsWith(metadata.name)))
    if (!leader) throw new Error(`no operator pod holds the lease; holders: ${holders.join(', ') || 'none'}`)
    return leader.metadata.name
  })
}
