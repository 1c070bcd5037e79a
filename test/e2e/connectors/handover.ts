import { expect } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { OPERATOR_NAMESPACE } from '../../support/install-operator.ts'
import { kubectl } from '../../support/kubectl.ts'
import { leadingPod } from '../leading-operator.ts'
import { test } from '../scene.ts'

const NAME = 'handed-over'

test.concurrent('the leading operator pod is deleted: its lease is given back, and the next one applies an edit within seconds', async ({
  scene,
  stack,
}) => {
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  const leader = await leadingPod(stack)

  await scene.patchConfig(NAME, { customPath: 'edited/{topic}.json' })
  await kubectl(stack, ['delete', 'pod', leader, '-n', OPERATOR_NAMESPACE, '--wait=false'])
  // Sooner than the 15 s after which a lease that nobody gave back is free.
  await eventually(8_000, async () => expect(await leadingPod(stack)).not.toBe(leader))
  await scene.ready(NAME, 30)
  await scene.settled()
})
