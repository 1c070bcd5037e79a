import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectlJson } from '../support/kubectl.ts'
import { leadingPod } from './leading-operator.ts'
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
  await eventually(30_000, async () => expect(await deploymentGeneration(scene)).toBeGreaterThan(generation), 50)
  await stack.killPod(OPERATOR_NAMESPACE, leader)
  expect(await scene.columns(NAME), 'killed too late: the edit was complete').not.toMatchObject({ READY: 'True' })

  await scene.delivers(50)
  await scene.ready(NAME)
  await eventually(30_000, async () => expect(await scene.bucket.objects('edited/')).not.toEqual([]))
  await scene.settled()
})

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
