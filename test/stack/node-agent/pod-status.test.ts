import { describe, expect, test } from 'vitest'
import { aContainerStatus, aPod, nodeFacts } from './fixtures.ts'
import type { ContainerState, ContainerStatus, Pod, PodCondition, RestartPolicy } from './pod.ts'
import { podPhase, podStatus } from './pod-status.ts'

const waiting: ContainerState = { waiting: { reason: 'ContainerCreating' } }
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode, reason: 'Error' } })
const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } }

describe('the phase', () => {
  test.each<[string, RestartPolicy, ContainerState[], string]>([
    ['before a container started', 'Always', [waiting, running], 'Pending'],
    ['while a container runs', 'Never', [ended(0), running], 'Running'],
    ['between two starts', 'Always', [ended(1)], 'Running'],
    ['when all succeeded and none restarts', 'OnFailure', [ended(0), ended(0)], 'Succeeded'],
    ['when one failed and will be tried again', 'OnFailure', [ended(0), ended(1)], 'Running'],
    ['when one failed and none restarts', 'Never', [ended(0), ended(1)], 'Failed'],
  ])('%s (%s)', (_, restartPolicy, states, phase) => {
    const statuses = states.map((state) => aContainerStatus({ state }))
    expect(podPhase(statuses, aPod({ restartPolicy }), false)).toBe(phase)
  })

  test('during the back-off of a crash loop is Running', () => {
    const status = aContainerStatus({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended(1) })
    expect(podPhase([status], aPod(), false)).toBe('Running')
  })

  test('of a pod that was ended follows its exit codes whatever the restart policy', () => {
    expect(podPhase([aContainerStatus({ state: ended(0) })], aPod(), true)).toBe('Succeeded')
    expect(podPhase([aContainerStatus({ state: ended(137) })], aPod(), true)).toBe('Failed')
  })
})

function conditionsOf(statuses: ContainerStatus[], pod: Pod = aPod()): Record<string, PodCondition> {
  const facts = { ...nodeFacts, startTime: '2026-01-01T00:00:00Z', mounted: true, over: false }
  return Object.fromEntries((podStatus(pod, statuses, facts).conditions ?? []).map((c) => [c.type, c]))
}

describe('conditions', () => {
  test('name the containers that are not ready', () => {
    const statuses = [aContainerStatus(), aContainerStatus({ name: 'side', ready: false })]
    const expected = {
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [side]',
    }
    expect(conditionsOf(statuses)).toMatchObject({ Ready: expected, ContainersReady: expected })
  })

  test('keep Ready back until every readiness gate is open', () => {
    const pod = aPod({ readinessGates: [{ conditionType: 'lb' }] })
    expect(conditionsOf([aContainerStatus()], pod)).toMatchObject({
      ContainersReady: { status: 'True' },
      Ready: { status: 'False', reason: 'ReadinessGatesNotReady' },
    })
    const open = { ...pod, status: { conditions: [{ type: 'lb', status: 'True' }] } }
    expect(conditionsOf([aContainerStatus()], open).Ready?.status).toBe('True')
  })

  test('keep their transition time as long as their status is the same', () => {
    const podWhoseReadyWas = (status: string) => ({
      ...aPod(),
      status: { conditions: [{ type: 'Ready', status, lastTransitionTime: '2020-01-01T00:00:00Z' }] },
    })
    expect(conditionsOf([aContainerStatus()], podWhoseReadyWas('True')).Ready?.lastTransitionTime).toBe(
      '2020-01-01T00:00:00Z',
    )
    expect(conditionsOf([aContainerStatus()], podWhoseReadyWas('False')).Ready?.lastTransitionTime).not.toBe(
      '2020-01-01T00:00:00Z',
    )
  })
})
