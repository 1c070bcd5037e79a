/** What only a real kubelet does to pods, and what becomes of the connector: liveness, memory limit, an image that is not there. */
import { expect, onTestFinished } from 'vitest'
import { type Scene, test } from '../../e2e/scene.ts'
import { eventually } from '../../support/eventually.ts'
import { installOperator } from '../../support/install-operator.ts'
import { containerd, podsOf } from './pods.ts'

const NAME = 'tried'
const CRASH_LOOP_MS = 120_000

test.concurrent('a sink that needs more memory than its limit is Stalled as OOMKilled, and delivers when the limit is raised', async ({
  scene,
}) => {
  scene.stream()
  await scene.apply(NAME, { spec: { resources: { limits: { memory: '40Mi' } } } })
  await stalled(scene, 'OOMKilled', 'raise spec.resources.limits.memory')
  expect(await scene.columns(NAME)).toMatchObject({ READY: 'False', STATUS: 'FAILED' })

  await scene.patch(NAME, { resources: { limits: { memory: '300Mi' } } })
  await scene.ready(NAME, 120)
  await expectNotStalled(scene)
  await scene.settled()
})

test.concurrent('a sink that hangs is restarted by its liveness probe, and every event is in exactly one object', async ({
  scene,
}) => {
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  await scene.delivers()
  const [pod] = await podsOf(scene.id, '')
  const name = pod?.metadata.name ?? ''
  process.kill(await containerd.processOf(scene.id, name), 'SIGSTOP')
  // Three probes, 10 s apart, without an answer for 5 s; then SIGTERM, which a stopped process does not hear, and SIGKILL the probe's 5 s later:
  // before the pod's own grace period, 60 s, would be over.
  await eventually(75_000, async () => {
    const [now] = await podsOf(scene.id, '')
    expect(now?.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 137 } },
    })
  })
  const [now] = await podsOf(scene.id, '')
  expect(now?.metadata.name).toBe(name)
  await scene.ready(NAME)
  await scene.settled(60_000)
})

test('an image that cannot be pulled is Stalled as ImagePullBackOff while the old pods go on delivering, and ready when it is there', async ({
  scene,
  stack,
}) => {
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  const [old] = await scene.pods(NAME)
  onTestFinished(() => installOperator(stack, () => {}))
  await installOperator(stack, () => {}, { sinkImage: 'analytics-connector:missing' })
  await stalled(scene, 'ImagePullBackOff', 'image analytics-connector:missing cannot be pulled')
  await scene.delivers(50)
  const pods = await scene.pods(NAME)
  expect(pods.map(({ metadata }) => metadata.name)).toContain(old?.metadata.name)
  expect(await scene.columns(NAME)).toMatchObject({
    READY: 'False',
    ERROR: expect.stringMatching(/\(revision [0-9a-f]{10} goes on delivering\)$/),
  })

  await installOperator(stack, () => {})
  await scene.ready(NAME)
  await expectNotStalled(scene)
  await scene.settled()
})

async function stalled(scene: Scene, reason: string, words: string): Promise<void> {
  await eventually(CRASH_LOOP_MS, async () => {
    const { status } = await scene.get(NAME)
    const condition = status?.conditions?.find(({ type }) => type === 'Stalled')
    expect(condition).toMatchObject({ status: 'True', reason })
    expect(condition?.message).toContain(words)
  })
}

async function expectNotStalled(scene: Scene): Promise<void> {
  const { status } = await scene.get(NAME)
  expect(status?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
}
