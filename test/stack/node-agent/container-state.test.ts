import { expect, test } from 'vitest'
import { ContainerProgress } from './container-state.ts'
import { aContainer, aContainerStatus } from './fixtures.ts'

test('each start after the first counts as a restart and gets an id of its own', () => {
  const progress = new ContainerProgress(aContainer())
  progress.run()
  const first = progress.toStatus()
  progress.end(1, 'Error', 'boom')
  progress.forget()
  progress.run()
  const second = progress.toStatus()
  expect([first.restartCount, second.restartCount]).toEqual([0, 1])
  expect(second.containerID).not.toBe(first.containerID)
  expect(second.lastState.terminated).toMatchObject({ exitCode: 1, message: 'boom', containerID: first.containerID })
})

test('a container that ended is neither ready nor started', () => {
  const progress = new ContainerProgress(aContainer())
  progress.run()
  progress.ready = true
  progress.started = true
  progress.end(0, 'Completed')
  expect(progress.toStatus()).toMatchObject({ ready: false, started: false })
})

test('a container that an earlier agent saw running has been lost and counts on', () => {
  const progress = new ContainerProgress(aContainer())
  expect(progress.adopt(aContainerStatus({ containerID: 'process://1', restartCount: 4 }))).toBe(true)
  const terminated = { exitCode: 137, reason: 'ContainerStatusUnknown', containerID: 'process://1' }
  expect(progress.toStatus().state).toMatchObject({ terminated })
  progress.run()
  expect(progress.toStatus().restartCount).toBe(5)
})

test('a container that no agent ever started is adopted as new', () => {
  const progress = new ContainerProgress(aContainer())
  expect(progress.adopt(aContainerStatus({ state: { waiting: { reason: 'ContainerCreating' } } }))).toBe(false)
  progress.run()
  expect(progress.toStatus().restartCount).toBe(0)
})
