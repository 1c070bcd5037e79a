import { expect } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type Scene, test } from '../scene.ts'

test.concurrent('pods that are killed with -9 again and again while events flow lose nothing and deliver nothing twice', async ({
  scene,
}) => {
  scene.stream()
  await scene.apply('killed', { spec: { replicas: 2 } })
  await scene.ready('killed')
  const pods = (await scene.pods('killed')).map(({ metadata }) => metadata.name)
  expect(pods).toHaveLength(2)
  // Each pod twice, in turn: the second kill hits a member that may be finishing what the first one left.
  for (const pod of [...pods, ...pods]) {
    await scene.delivers(20)
    await killed(scene, pod)
  }
  await scene.settled(60_000)
  await scene.ready('killed')
})

test.concurrent('two connectors on one topic each deliver every event exactly once, to a bucket of their own', async ({
  scene,
}) => {
  const second = scene.otherBucket('second')
  await second.create()
  scene.stream()
  await Promise.all([scene.apply('first'), scene.apply('second', { bucketName: second.name })])
  await Promise.all([scene.ready('first'), scene.ready('second')])
  await scene.delivers(100)
  await scene.settled()
  await scene.settled(30_000, second)
})

test.concurrent('kubectl scale takes a connector from one pod to as many as there are partitions, says that more would have nothing to read, and back while events flow', async ({
  scene,
}) => {
  scene.stream()
  await scene.apply('scaled')
  await scene.ready('scaled')
  // The scene's topic has three partitions.
  for (const [asked, pods] of [
    [9, 3],
    [1, 1],
  ] as const) {
    await scene.kubectl('scale', 'ac/scaled', `--replicas=${asked}`)
    await scene.ready('scaled')
    expect(await scene.pods('scaled')).toHaveLength(pods)
    expect(await scene.columns('scaled')).toMatchObject({ STATUS: 'ACTIVE', REPLICAS: `${pods}` })
    const { spec, status } = await scene.get('scaled')
    expect(spec.replicas).toBe(asked)
    const limited = status?.conditions?.find(({ type }) => type === 'ScalingLimited')?.message
    expect(limited).toBe(
      asked === pods
        ? undefined
        : 'spec.replicas is 9, partitions of the topics: 3, pods: 3; more pods would have nothing to read',
    )
    await scene.delivers(100)
  }
  await scene.settled()
})

async function killed(scene: Scene, pod: string): Promise<void> {
  const before = await restarts(scene, pod)
  await scene.stack.killPod(scene.id, pod)
  await eventually(60_000, async () => expect(await restarts(scene, pod)).toBe(before + 1))
}

async function restarts(scene: Scene, name: string): Promise<number> {
  const pod = (await scene.pods('killed')).find(({ metadata }) => metadata.name === name)
  return pod?.status.containerStatuses?.[0]?.restartCount ?? 0
}
