import { describe, expect, it } from 'vitest'
import { problemOf } from '../../src/operator/pod-problem.ts'
import { trimObject, trimPod } from '../../src/operator/trim.ts'
import { aKubePod } from './builders.ts'

describe('trimPod', () => {
  it('drops the spec and what others wrote beside the pod', () => {
    const pod = aKubePod()
    const annotations = { ...pod.metadata?.annotations, 'cni.example/status': 'x'.repeat(1_000) }
    const trimmed = trimPod({ ...pod, metadata: { ...pod.metadata, annotations }, spec: { containers: [] } })
    expect(trimmed).not.toHaveProperty('spec')
    expect(trimmed.metadata?.annotations).toEqual(pod.metadata?.annotations)
    expect(JSON.stringify(trimmed).length).toBeLessThan(600)
  })

  it('keeps all that a problem is told from', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'no such image' }
    const pod = aKubePod({ state: { waiting } })
    expect(problemOf(trimPod(pod))).toEqual(problemOf(pod))
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'full' }]
    expect(problemOf(trimPod(aKubePod({}, { conditions })))?.reason).toBe('Unschedulable')
  })

  it('keeps when a pod ends', () => {
    const pod = aKubePod()
    const deletionTimestamp = '2026-03-01T12:00:40Z'
    expect(trimPod({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } }).metadata?.deletionTimestamp).toBe(
      deletionTimestamp,
    )
  })
})

describe('trimObject', () => {
  it('drops kubectl’s own copy of the object', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'n' }
    expect(trimObject({ metadata: { annotations } })).toEqual({ metadata: { annotations: { note: 'n' } } })
  })
})
