import { describe, expect, it } from 'vitest'
import type { ConfigMap, Deployment, KubeObject, PodDisruptionBudget, ServiceAccount } from '../../src/kube/kinds.ts'
import { isSubset } from '../../src/operator/apply.ts'
import { desiredConfigMap } from '../../src/operator/desired/config-map.ts'
import { desiredPodDisruptionBudget } from '../../src/operator/desired/pod-disruption-budget.ts'
import { desiredServiceAccount } from '../../src/operator/desired/service-account.ts'
import { problemOf } from '../../src/operator/pod-problem.ts'
import {
  trimConfigMap,
  trimDeployment,
  trimObject,
  trimPod,
  trimPodDisruptionBudget,
  trimServiceAccount,
} from '../../src/operator/trim.ts'
import { judge } from '../../src/operator/verdict.ts'
import { aDeployment, aKubePod, aSituation, NOW, OWNER } from './builders.ts'

/** As the server gives it back: with what it and others add. */
function stored<T extends KubeObject>(object: T, resourceVersion = '7'): T {
  const { annotations, ...metadata } = object.metadata ?? {}
  const others = { 'someone.example/note': 'n' }
  return {
    ...object,
    metadata: { ...metadata, uid: 'u', resourceVersion, generation: 1, annotations: { ...annotations, ...others } },
  }
}

describe('trimPod', () => {
  it('drops the spec and what others wrote beside the pod', () => {
    const pod = aKubePod()
    const annotations = { ...pod.metadata?.annotations, 'cni.example/status': 'x'.repeat(1_000) }
    const trimmed = trimPod({ ...pod, metadata: { ...pod.metadata, annotations }, spec: { containers: [] } })
    expect(trimmed).not.toHaveProperty('spec')
    expect(trimmed.metadata?.annotations).toEqual(pod.metadata?.annotations)
    expect(JSON.stringify(trimmed).length).toBeLessThan(450)
  })

  it('keeps all that a problem is told from', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'no such image' }
    const pod = aKubePod({ state: { waiting } })
    expect(problemOf(trimPod(pod), NOW)).toEqual(problemOf(pod, NOW))
    const terminated = { exitCode: 137, reason: 'OOMKilled' }
    const killed = aKubePod({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } })
    expect(problemOf(trimPod(killed), NOW)?.reason).toBe('OOMKilled')
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'full' }]
    expect(problemOf(trimPod(aKubePod({}, { conditions })), NOW)?.reason).toBe('Unschedulable')
  })

  it('keeps what a pod waits for before its sink, and since when, until it has begun', () => {
    const container = { state: { waiting: { reason: 'PodInitializing' } } }
    const startTime = new Date(NOW - 300_000).toISOString()
    const status = { phase: 'Pending', startTime }
    expect(problemOf(trimPod(aKubePod(container, status)), NOW)?.reason).toBe('ProgressDeadlineExceeded')
    const state = { waiting: { reason: 'CreateContainerError', message: 'm' } }
    const agent = { name: 'agent', image: 'a', imageID: 'a', ready: false, restartCount: 0, state }
    const pod = aKubePod(container, { ...status, initContainerStatuses: [agent] })
    expect(problemOf(trimPod(pod), NOW)?.reason).toBe('CreateContainerError')
    expect(JSON.stringify(trimPod(aKubePod({}, { startTime })))).not.toContain('startTime')
  })

  it('keeps when a pod ends', () => {
    const pod = aKubePod()
    const deletionTimestamp = '2026-03-01T12:00:40Z'
    expect(trimPod({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } }).metadata?.deletionTimestamp).toBe(
      deletionTimestamp,
    )
  })

  it('tells a pod that is no longer ready from one that is', () => {
    const as = (status: string) => trimPod(aKubePod({}, { conditions: [{ type: 'Ready', status }] }))
    expect(as('True')).not.toEqual(as('False'))
  })
})

describe('trimDeployment', () => {
  const refused = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }

  it('keeps all that a verdict is made from', () => {
    for (const deployment of [aDeployment(1), aDeployment(1, { conditions: [refused], availableReplicas: 0 })]) {
      const trimmed = trimDeployment({ ...deployment, metadata: { ...deployment.metadata, resourceVersion: '5' } })
      const pods = deployment.status?.availableReplicas ? {} : { pods: [] }
      expect(judge(aSituation({ deployment: trimmed, ...pods }))).toEqual(judge(aSituation({ deployment, ...pods })))
    }
  })

  it('makes the same of states that differ in nothing that is read', () => {
    const as = (resourceVersion: string, lastUpdateTime: string) =>
      trimDeployment({
        ...stored(aDeployment(1), resourceVersion),
        status: { ...aDeployment(1).status, conditions: [{ ...refused, lastUpdateTime }] },
      } as Deployment)
    expect(as('8', '2026-03-01T12:00:41Z')).toEqual(as('7', '2026-03-01T12:00:40Z'))
  })
})

describe('trimmed objects of ours', () => {
  it('are still seen to be as they should be', () => {
    const account = desiredServiceAccount(OWNER)
    const budget = desiredPodDisruptionBudget(OWNER)
    expect(isSubset(account, trimServiceAccount(stored<ServiceAccount>(account)))).toBe(true)
    expect(isSubset(budget, trimPodDisruptionBudget(stored<PodDisruptionBudget>(budget)))).toBe(true)
    const { metadata } = desiredConfigMap(OWNER, 'aaa', {} as never)
    const configMap = trimConfigMap(stored<ConfigMap>({ metadata: { ...metadata, creationTimestamp: 'then' } }))
    expect(isSubset({ ...metadata, creationTimestamp: 'then' }, configMap.metadata)).toBe(true)
    expect(configMap.metadata?.annotations).toEqual(metadata?.annotations)
  })
})

describe('trimObject', () => {
  it('drops kubectl’s own copy of the object', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'n' }
    expect(trimObject({ metadata: { annotations } })).toEqual({ metadata: { annotations: { note: 'n' } } })
  })
})
