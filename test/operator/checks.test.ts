import { describe, expect, it } from 'vitest'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import type { Deployment } from '../../src/kube/kinds.ts'
import { checkOwnership, existingRevisions, planOf } from '../../src/operator/checks.ts'
import { desiredDeployment } from '../../src/operator/desired/deployment.ts'
import { objectMeta } from '../../src/operator/desired/metadata.ts'
import type { ObservedPod } from '../../src/operator/observe.ts'
import { Stalled, Waiting } from '../../src/operator/outcome-errors.ts'
import { anObserved, aPod, aSpec, DEFAULTS, OWNER, says } from './builders.ts'

const thrown = (action: () => unknown): unknown => {
  try {
    return action()
  } catch (error) {
    return error
  }
}

describe('planOf', () => {
  it('takes the defaults for what the spec leaves out', () => {
    expect(planOf(anObserved(), DEFAULTS)).toMatchObject({ active: true, replicas: 1 })
  })

  it('stalls on a spec that cannot become a configuration, naming the field', () => {
    const spec = aSpec()
    const error = thrown(() =>
      planOf(anObserved({ spec: { ...spec, config: { ...spec.config, flushSize: 'many' } } }), DEFAULTS),
    )
    expect(error).toBeInstanceOf(Stalled)
    expect(error).toMatchObject({ reason: 'InvalidConfiguration', message: expect.stringContaining('flushSize') })
  })

  it('keeps the list of revisions of the Deployment that already runs the revision', () => {
    const { revision } = planOf(anObserved(), DEFAULTS)
    const mountedRevisions = ['0000000000', revision]
    const deployment = desiredDeployment({
      owner: OWNER,
      spec: aSpec(),
      image: 'i',
      replicas: 1,
      revision,
      mountedRevisions,
      kafkaSecrets: [],
      drainSeconds: 1,
      resources: {},
      restartRequestedAt: undefined,
      references: '',
    })
    expect(planOf(anObserved({ deployment }), DEFAULTS).mountedRevisions).toEqual(mountedRevisions)
  })
})

describe('checkOwnership', () => {
  it('accepts what was made for this very connector', () => {
    expect(() => checkOwnership('Deployment', { metadata: objectMeta(OWNER, 'x') }, { owner: OWNER })).not.toThrow()
  })

  it('stalls on an object of somebody else and says what a person can do', () => {
    const error = thrown(() =>
      checkOwnership('Deployment', { metadata: { namespace: 'games', name: 'events-sink' } }, { owner: OWNER }),
    )
    expect(error).toBeInstanceOf(Stalled)
    expect(error).toMatchObject({
      reason: 'NameConflict',
      message: expect.stringMatching(/Deployment games\/events-sink .*delete/),
    })
  })

  it('waits for the object of an earlier connector of the same name to go', () => {
    const metadata = objectMeta({ ...OWNER, uid: 'before' }, 'events-sink')
    expect(thrown(() => checkOwnership('Deployment', { metadata }, { owner: OWNER }))).toBeInstanceOf(Waiting)
  })
})

describe('existingRevisions', () => {
  it('counts only ConfigMaps of this very connector that name a revision', () => {
    const annotations = { 'analytics-connector.io/revision': 'aaa' }
    const configMaps = [
      { metadata: objectMeta(OWNER, 'events-sink-aaa', annotations) },
      { metadata: objectMeta({ ...OWNER, uid: 'before' }, 'events-sink-bbb', annotations) },
      { metadata: objectMeta(OWNER, 'other') },
    ]
    expect(existingRevisions(anObserved({ configMaps })).map(({ revision }) => revision)).toEqual(['aaa'])
  })

  it('starts no more pods than there are partitions, as the sinks count them, else as they last did', () => {
    expect(replicasOf(5, { topicPartitions: 3 })).toBe(3)
    expect(replicasOf(2, { topicPartitions: 3 })).toBe(2)
    expect(replicasOf(0, { topicPartitions: 3 })).toBe(0)
    // A wildcard that matches nothing yet: one sink waits for topics.
    expect(replicasOf(5, { topicPartitions: 0 })).toBe(1)
    expect(replicasOf(5, { topicPartitions: 3, pods: [counting(4), counting(null)] })).toBe(4)
    expect(replicasOf(5, { topicPartitions: 3, pods: [counting(0, 'FAILED')] })).toBe(3)
  })

  it('starts one pod of a new connector, which counts the partitions', () => {
    expect(replicasOf(5, {})).toBe(1)
    expect(replicasOf(0, {})).toBe(0)
    expect(replicasOf(5, { running: 0 })).toBe(1)
    expect(replicasOf(5, { running: 1, pods: [counting(null, 'STARTING')] })).toBe(1)
    expect(replicasOf(5, { running: 1, pods: [counting(0, 'FAILED')] })).toBe(1)
    expect(replicasOf(5, { running: 1, pods: [counting(4)] })).toBe(4)
  })

  it('starts as many pods as are wanted where sinks of an earlier version do not count, and leaves those that run', () => {
    expect(replicasOf(5, { running: 1, pods: [counting(null)] })).toBe(5)
    expect(replicasOf(5, { running: 3 })).toBe(3)
    expect(replicasOf(2, { running: 3 })).toBe(2)
  })
})

/** Pods that run while `wanted` are asked for; `running`: replicas of the Deployment that is there. */
function replicasOf(
  wanted: number,
  { topicPartitions, running, pods = [] }: { topicPartitions?: number; running?: number; pods?: ObservedPod[] },
): number {
  const status = topicPartitions === undefined ? {} : { topicPartitions }
  const deployment = running === undefined ? {} : { deployment: { spec: { replicas: running } } as Deployment }
  return planOf(anObserved({ spec: aSpec({ replicas: wanted }), status, pods, ...deployment }), DEFAULTS).replicas
}

function counting(topicPartitions: number | null, state: SinkStatus['state'] = 'ACTIVE'): ObservedPod {
  return aPod({ report: says(state, { topicPartitions }) })
}
