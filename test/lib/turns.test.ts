import { expect, it } from 'vitest'
import { turns } from '../../src/lib/turns.ts'

it('lets others have their turn when the loop has had the process for ten milliseconds, and not before', async () => {
  let nowMs = 0
  const turn = turns({ elapsed: () => nowMs })
  const order: string[] = []
  const others = () => setImmediate(() => order.push('others'))
  for (const [step, tookMs] of [9, 1, 9, 9].entries()) {
    others()
    nowMs += tookMs
    await turn()
    order.push(`step ${step}`)
  }
  expect(order).toEqual(['step 0', 'others', 'others', 'step 1', 'step 2', 'others', 'others', 'step 3'])
})
