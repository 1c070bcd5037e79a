import { expect, it } from 'vitest'
import { whyRestart } from '../../src/operator/run-operator.ts'

const fine = { queue: { longestWorkMs: 60_000, standstillMs: 0 }, silentMs: 200_000 }

it('asks for no restart while work, queue and watches go on', () => {
  expect(whyRestart(fine)).toBeUndefined()
})

it.each([
  ['a reconcile', { ...fine, queue: { longestWorkMs: 300_000, standstillMs: 0 } }],
  ['none was looked at', { ...fine, queue: { longestWorkMs: 0, standstillMs: 300_000 } }],
  ['a watch', { ...fine, silentMs: 900_000 }],
])('asks for a restart when nothing else helps: %s', (words, controller) => {
  expect(whyRestart(controller)).toContain(words)
})
