import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/operator/status.ts'
import { judge } from '../../src/operator/verdict.ts'
import { statusViolations } from '../support/status/condition-rules.ts'
import { aDeployment, anOldPod, aPod, aSituation, NOW, says } from './builders.ts'
import { missing, situations } from './situations.ts'

describe('judge', () => {
  it.each(situations)('%s', (_sentence, overrides, status, ready, reason, progress) => {
    const situation = aSituation({ deployment: aDeployment(overrides.replicas ?? 1), ...overrides })
    const verdict = judge(situation)
    expect([verdict.status, verdict.ready, verdict.reason, verdict.progress]).toEqual([status, ready, reason, progress])
    expect(statusViolations(statusOf(situation), situation.generation)).toEqual([])
  })

  it('says which revision goes on while the newest one fails', () => {
    const pods = [aPod({ report: says('FAILED', { error: missing }) }), anOldPod()]
    expect(judge(aSituation({ pods })).error).toBe(`${missing} (revision aaa goes on delivering)`)
  })

  it('says that it goes on delivering while one pod of several does not run, or an object beside the pods is refused', () => {
    const problem = { reason: 'Unschedulable', message: 'no node' }
    const pods = [aPod({ name: 'events-sink-0', report: undefined, problem }), aPod()]
    expect(judge(aSituation({ replicas: 2, pods })).error).toBe(
      'pod events-sink-0: no node (revision bbb goes on delivering)',
    )
    const stalled = { reason: 'Forbidden', message: 'exceeded quota' }
    expect(judge(aSituation({ stalled })).error).toBe('exceeded quota (revision bbb goes on delivering)')
    expect(judge(aSituation({ stalled, pods: [aPod(), anOldPod()] })).error).toContain('(revision aaa goes on')
  })

  it('does not say so while a sink of the same rollout fails, whose partitions nobody else has', () => {
    const failing = aPod({ name: 'events-sink-0', report: says('FAILED', { error: missing }) })
    expect(judge(aSituation({ replicas: 2, pods: [failing, aPod()] })).error).toBe(missing)
  })

  it('takes the words of the sink before those of Kubernetes about the same pod', () => {
    const problem = { reason: 'CrashLoopBackOff', message: 'exit code 1' }
    const pods = [aPod({ problem, report: says('FAILED', { error: missing }) })]
    expect(judge(aSituation({ pods })).error).toBe(missing)
  })

  it('takes a sink that delivers for well again, while Kubernetes is yet to find it ready after crashes', () => {
    const problem = { reason: 'CrashLoopBackOff', message: 'exit code 1' }
    const situation = aSituation({ pods: [aPod({ problem })], deployment: aDeployment(1, { availableReplicas: 0 }) })
    expect(judge(situation)).toMatchObject({ status: 'ACTIVE', reason: 'RollingOut', error: null })
  })

  it('counts the pods that deliver and those that end', () => {
    const pods = [aPod(), aPod({ report: says('STARTING') }), anOldPod({ endsAtMs: NOW + 5 })]
    expect(judge(aSituation({ replicas: 2, pods })).message).toBe(
      'pods delivering with revision bbb: 1 of 2; ending: 1',
    )
  })

  it('says what is missing where every pod delivers and Kubernetes finds one not ready, as for the sake of another container', () => {
    const deployment = aDeployment(2, { availableReplicas: 1 })
    expect(judge(aSituation({ replicas: 2, pods: [aPod(), aPod()], deployment })).message).toBe(
      'pods delivering with revision bbb: 2 of 2; ready as Kubernetes sees them: 1',
    )
    expect(judge(aSituation({ replicas: 2, pods: [aPod()], deployment })).message).not.toContain('ready as')
  })

  it('counts no pod that delivers with another revision', () => {
    const pods = [aPod({ report: says('ACTIVE', { revision: 'aaa' }) })]
    expect(judge(aSituation({ pods })).message).toBe('pods delivering with revision bbb: 0 of 1')
  })

  it('names the pod that a pause waits for beyond its grace period, as where its node is gone', () => {
    const stopping = (endsAtMs: number) =>
      judge(aSituation({ active: false, replicas: 0, pods: [aPod({ endsAtMs })] })).message
    expect(stopping(NOW + 1)).toBe('1 pod still to write and commit what is buffered, and to end')
    expect(stopping(NOW)).toBe(
      '1 pod still to write and commit what is buffered, and to end; events-sink-1 should have ended: is its node gone?',
    )
  })

  it('says why one pod of a new connector starts alone', () => {
    const starting = aPod({ report: says('STARTING') })
    expect(judge(aSituation({ wantedReplicas: 3, pods: [starting] })).message).toBe(
      'pods delivering with revision bbb: 0 of 1; up to 3 once the first has counted the partitions of its topics',
    )
  })

  it('says what a rollout waits for where somebody has paused the Deployment', () => {
    const deployment = aDeployment(1, { updatedReplicas: 0 })
    const paused = { ...deployment, spec: { paused: true } } as typeof deployment
    expect(judge(aSituation({ deployment: paused, pods: [anOldPod()] })).message).toBe(
      'pods delivering with revision bbb: 0 of 1; the Deployment is paused: kubectl rollout resume deployment/events-sink',
    )
  })

  it('says that nothing is read while no topic fits the filter, as where its namespace is misspelt', () => {
    const none = aPod({ report: says('ACTIVE', { topicPartitions: 0 }) })
    expect(judge(aSituation({ pods: [none] }))).toMatchObject({
      reason: 'Delivering',
      message:
        'pods delivering with revision bbb: 1 of 1; no topic in Kafka fits spec.filter so far, so nothing is read',
    })
    const some = aPod({ report: says('ACTIVE', { topicPartitions: 3 }) })
    expect(judge(aSituation({ pods: [some] })).message).toBe('pods delivering with revision bbb: 1 of 1')
    expect(judge(aSituation({ replicas: 2, pods: [none, some] })).message).toBe(
      'pods delivering with revision bbb: 2 of 2',
    )
  })
})
