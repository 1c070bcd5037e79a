import { describe, expect, it } from 'vitest'
import { type Situation, statusOf } from '../../src/operator/status.ts'
import { judge } from '../../src/operator/verdict.ts'
import { statusViolations } from '../support/status/condition-rules.ts'
import { aDeployment, anOldPod, aPod, aSituation, NOW, says } from './builders.ts'

const unreachable = { kind: 'unreachable', error: 'http://10.0.0.1:8080/status: ETIMEDOUT' } as const
const missing = 'S3 NoSuchBucket: ListObjectsV2 on bucket acme (us-west-2)'
const stuck = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' }]

const refused = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' }]

/** [sentence, situation, status, Ready, reason, condition beside Ready] */
const table: [string, Partial<Situation>, string, string, string, string?][] = [
  ['every pod delivers with the wanted revision', {}, 'ACTIVE', 'True', 'Delivering'],
  ['no pod exists yet', { pods: [], deployment: aDeployment(0) }, 'STARTING', 'False', 'Starting', 'Reconciling'],
  ['there is no Deployment yet', { pods: [], deployment: undefined }, 'STARTING', 'False', 'Starting', 'Reconciling'],
  [
    'the pod joins its group',
    { pods: [aPod({ report: says('STARTING') })] },
    'STARTING',
    'False',
    'Starting',
    'Reconciling',
  ],
  [
    'the pod has no address yet',
    { pods: [aPod({ report: undefined })] },
    'STARTING',
    'False',
    'Starting',
    'Reconciling',
  ],
  [
    'the Deployment controller has not seen the newest template',
    { deployment: aDeployment(1, { observedGeneration: 1 }) },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'the pod delivers but Kubernetes has not found it ready',
    { deployment: aDeployment(1, { availableReplicas: 0 }) },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'the Deployment controller counts no pod of the new template yet',
    { deployment: aDeployment(1, { updatedReplicas: 0 }) },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'a pod of the old template is still there',
    { pods: [aPod(), anOldPod()], deployment: aDeployment(1, { replicas: 2 }) },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'the old pods deliver the same revision from another template (an edit of resources)',
    { pods: [anOldPod({ revision: 'bbb', report: says('ACTIVE') })] },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'the pod still reports the revision before',
    { pods: [aPod({ report: says('ACTIVE', { revision: 'aaa' }) })] },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'an old pod drains',
    { pods: [aPod(), anOldPod({ endsAtMs: NOW + 1 })] },
    'ACTIVE',
    'False',
    'RollingOut',
    'Reconciling',
  ],
  [
    'an old pod has outlived its grace period on a dead node',
    { pods: [aPod(), anOldPod({ endsAtMs: NOW })] },
    'ACTIVE',
    'True',
    'Delivering',
  ],
  ['one of two pods delivers', { replicas: 2 }, 'ACTIVE', 'False', 'RollingOut', 'Reconciling'],
  [
    'the sink says why it does not deliver',
    { pods: [aPod({ report: says('FAILED', { error: missing }) })] },
    'FAILED',
    'False',
    'BucketNotFound',
    'Stalled',
  ],
  [
    'Kubernetes cannot run the pod',
    { pods: [aPod({ report: undefined, problem: { reason: 'ImagePullBackOff', message: 'no such image' } })] },
    'FAILED',
    'False',
    'ImagePullBackOff',
    'Stalled',
  ],
  [
    'one of two pods fails',
    { replicas: 2, pods: [aPod(), aPod({ name: 'events-sink-2', report: says('FAILED', { error: missing }) })] },
    'FAILED',
    'False',
    'BucketNotFound',
    'Stalled',
  ],
  [
    'the cure of a failing template is under way',
    { pods: [aPod({ report: says('STARTING') }), anOldPod({ report: says('FAILED', { error: missing }) })] },
    'STARTING',
    'False',
    'Starting',
    'Reconciling',
  ],
  [
    'the API server refuses the pods',
    { pods: [], deployment: aDeployment(0, { conditions: refused }) },
    'FAILED',
    'False',
    'PodsRefused',
    'Stalled',
  ],
  [
    'the rollout is stuck for no reason that a pod could tell',
    { pods: [aPod({ report: undefined })], deployment: aDeployment(1, { availableReplicas: 0, conditions: stuck }) },
    'FAILED',
    'False',
    'ProgressDeadlineExceeded',
    'Stalled',
  ],
  [
    'a rollout that was stuck has come through',
    { deployment: aDeployment(1, { conditions: stuck }) },
    'ACTIVE',
    'True',
    'Delivering',
  ],
  [
    'the only pod does not answer the operator',
    { pods: [aPod({ report: unreachable })] },
    'STARTING',
    'Unknown',
    'PodUnreachable',
  ],
  [
    'one of two pods does not answer the operator',
    { replicas: 2, pods: [aPod(), aPod({ report: unreachable })] },
    'ACTIVE',
    'Unknown',
    'PodUnreachable',
  ],
  ['paused, and no pod is left', { active: false, replicas: 0, pods: [] }, 'INACTIVE', 'True', 'Paused'],
  [
    'paused, but the Deployment controller does not know yet',
    { active: false, replicas: 0, pods: [], deployment: aDeployment(0, { observedGeneration: 1 }) },
    'INACTIVE',
    'False',
    'Stopping',
    'Reconciling',
  ],
  [
    'paused, and the pod drains',
    { active: false, replicas: 0, pods: [aPod({ endsAtMs: NOW + 1 })] },
    'STOPPING',
    'False',
    'Stopping',
    'Reconciling',
  ],
  [
    'paused, and a pod on a dead node may still write',
    { active: false, replicas: 0, pods: [aPod({ endsAtMs: NOW - 60_000 })] },
    'STOPPING',
    'False',
    'Stopping',
    'Reconciling',
  ],
  ['scaled to zero', { replicas: 0, pods: [] }, 'INACTIVE', 'True', 'ScaledToZero'],
  [
    'an object of somebody else has the name',
    { stalled: { reason: 'NameConflict', message: 'in the way' }, pods: [] },
    'FAILED',
    'False',
    'NameConflict',
    'Stalled',
  ],
]

describe('judge', () => {
  it.each(table)('%s', (_sentence, overrides, status, ready, reason, progress) => {
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
    expect(judge(aSituation({ pods: [aPod({ report: says('ACTIVE', { topicPartitions: 3 }) })] })).message).toBe(
      'pods delivering with revision bbb: 1 of 1',
    )
  })
})
