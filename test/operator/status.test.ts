import { describe, expect, it } from 'vitest'
import { statusSchema } from '../../src/contract/status-fields.ts'
import { isSameStatus, type Situation, statusOf } from '../../src/operator/status.ts'
import { anOldPod, aPod, aSituation, NOW, says } from './builders.ts'

const LATER = NOW + 60_000
const failing = { pods: [aPod({ report: says('FAILED', { error: 'S3 AccessDenied: HeadBucket' }) })] }
const conditionOf = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions?.find((condition) => condition.type === type)

describe('statusOf', () => {
  it('shows a delivering connector whole', () => {
    const lastTransitionTime = '2026-03-01T12:00:00Z'
    const message = 'pods delivering with revision bbb: 1 of 1'
    expect(statusOf(aSituation())).toEqual({
      observedGeneration: 3,
      active: true,
      replicas: 1,
      selector: 'analytics-connector.io/connector=events,app.kubernetes.io/component=sink',
      revision: 'bbb',
      connector: { time: lastTransitionTime, connector: 'events', status: 'ACTIVE', error: null },
      conditions: [
        { type: 'Ready', status: 'True', observedGeneration: 3, lastTransitionTime, reason: 'Delivering', message },
        { type: 'Active', status: 'True', observedGeneration: 3, lastTransitionTime, reason: 'Active', message },
      ],
    })
  })

  it('says no more of an error than the API server takes, which would refuse the whole status', () => {
    const pods = [aPod({ report: says('FAILED', { error: 'S3 AccessDenied'.padEnd(100_000, '.') }) })]
    const status = statusOf(aSituation({ pods }))
    expect(statusSchema.safeParse(status).error).toBeUndefined()
    expect(status.connector?.error).toHaveLength(32_768)
    expect(statusOf(aSituation({ pods, previous: status, now: LATER }))).toEqual(status)
  })

  it('is the same for the same situation at a later time', () => {
    const first = statusOf(aSituation())
    expect(statusOf(aSituation({ previous: first, now: LATER }))).toEqual(first)
  })

  it('goes on saying that a connector is active when it is edited before a new operator has asked its pods', () => {
    const previous = statusOf(aSituation())
    const pods = [anOldPod({ report: { kind: 'pending' } })]
    const edited = { generation: 4, pods, now: LATER }
    const [ready, active] = statusOf(aSituation({ ...edited, previous })).conditions ?? []
    expect([ready?.reason, active?.status]).toEqual(['RollingOut', 'True'])
    expect(statusOf(aSituation(edited)).conditions?.[0]?.reason).toBe('Starting')
  })

  it('moves time only when the rest of the status document changes', () => {
    const first = statusOf(aSituation())
    const edited = statusOf(aSituation({ generation: 4, previous: first, now: LATER }))
    expect(edited.connector?.time).toBe('2026-03-01T12:00:00Z')
    const failed = statusOf(aSituation({ ...failing, previous: edited, now: LATER }))
    expect(failed.connector).toEqual({
      time: '2026-03-01T12:01:00Z',
      connector: 'events',
      status: 'FAILED',
      error: 'S3 AccessDenied: HeadBucket',
    })
    const other = { pods: [aPod({ report: says('FAILED', { error: 'S3 NoSuchBucket' }) })] }
    const later = statusOf(aSituation({ ...other, previous: failed, now: LATER + 60_000 }))
    expect(later.connector).toMatchObject({ time: '2026-03-01T12:02:00Z', error: 'S3 NoSuchBucket' })
  })

  it('takes an error that the server has left out for the null that it was', () => {
    const first = statusOf(aSituation())
    const { error: _, ...document } = first.connector ?? { time: '', connector: '', status: 'ACTIVE', error: null }
    const previous = { ...first, connector: document } as typeof first
    expect(statusOf(aSituation({ previous, now: LATER })).connector?.time).toBe('2026-03-01T12:00:00Z')
  })

  it('moves lastTransitionTime only when the status of the condition changes', () => {
    const first = statusOf(aSituation(failing))
    const other = { pods: [aPod({ report: says('FAILED', { error: 'S3 NoSuchBucket' }) })] }
    const second = statusOf(aSituation({ ...other, previous: first, now: LATER }))
    expect(conditionOf(second, 'Ready')).toMatchObject({
      message: 'S3 NoSuchBucket',
      lastTransitionTime: '2026-03-01T12:00:00Z',
    })
    const third = statusOf(aSituation({ previous: second, now: LATER }))
    expect(conditionOf(third, 'Ready')?.lastTransitionTime).toBe('2026-03-01T12:01:00Z')
  })

  it('has Stalled or Reconciling only while True, and drops them after', () => {
    const failed = statusOf(aSituation(failing))
    expect(failed.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Active', 'Stalled'])
    const curing = statusOf(aSituation({ pods: [], previous: failed }))
    expect(curing.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Active', 'Reconciling'])
    expect(statusOf(aSituation({ previous: curing })).conditions?.map(({ type }) => type)).toEqual(['Ready', 'Active'])
  })

  it('gives the failure as reason and message of Active, and the pause as its own', () => {
    expect(conditionOf(statusOf(aSituation(failing)), 'Active')).toMatchObject({
      status: 'False',
      reason: 'BucketAccessDenied',
      message: 'S3 AccessDenied: HeadBucket',
    })
    const paused = statusOf(aSituation({ active: false, replicas: 0, pods: [] }))
    expect(conditionOf(paused, 'Active')).toMatchObject({ status: 'False', reason: 'Paused' })
  })

  it('keeps the id and the number of partitions that it once had while they are not known', () => {
    const previous = { id: 7, topicPartitions: 12 }
    expect(statusOf(aSituation({ previous }))).toMatchObject(previous)
    expect(statusOf(aSituation({ previous, id: 8, topicPartitions: 13 }))).toMatchObject({ id: 8, topicPartitions: 13 })
  })

  it('names as revision the one that runs fully, not the one that is asked for', () => {
    const previous = { revision: 'aaa' }
    expect(statusOf(aSituation({ pods: [anOldPod()], previous })).revision).toBe('aaa')
    expect(statusOf(aSituation({ previous })).revision).toBe('bbb')
    expect(statusOf(aSituation({ active: false, replicas: 0, pods: [], previous })).revision).toBe('aaa')
  })
})

describe('isSameStatus', () => {
  it('does not see the order of fields and conditions, nor a null that the server left out', () => {
    const status = statusOf(aSituation())
    const { error: _error, ...connector } = status.connector ?? { time: '', connector: '', status: 'ACTIVE' }
    const conditions = status.conditions?.toReversed()
    const stored = Object.fromEntries(Object.entries({ ...status, connector, conditions }).reverse())
    expect(isSameStatus(JSON.parse(JSON.stringify(stored)), status)).toBe(true)
  })

  it('sees every other difference', () => {
    const status = statusOf(aSituation())
    expect(isSameStatus(undefined, status)).toBe(false)
    expect(isSameStatus({ ...status, replicas: 2 }, status)).toBe(false)
    expect(isSameStatus({ ...status, conditions: status.conditions?.slice(1) }, status)).toBe(false)
  })

  it('tells whether the offsets are kept of a connector that has delivered nothing for a day, until it does', () => {
    const long = { idleMs: 86_400_000 }
    expect(conditionOf(statusOf(aSituation({ ...failing, ...long })), 'OffsetsKept')?.reason).toBe('NotYetRenewed')
    expect(conditionOf(statusOf(aSituation(failing)), 'OffsetsKept')).toBeUndefined()
    expect(conditionOf(statusOf(aSituation(long)), 'OffsetsKept')).toBeUndefined()
  })

  it('promises no renewal of the offsets where a refusal kept it from being set up', () => {
    const paused = { active: false, replicas: 0, pods: [], stalled: { reason: 'ObjectRefused', message: 'no' } }
    expect(conditionOf(statusOf(aSituation(paused)), 'OffsetsKept')).toBeUndefined()
    const keeping = { sinceMs: NOW, renewedAt: undefined, failure: undefined }
    expect(conditionOf(statusOf(aSituation({ ...paused, keeping })), 'OffsetsKept')?.reason).toBe('NotYetRenewed')
  })

  it.each([
    ['while a pod still writes', { pods: [aPod({ endsAtMs: NOW + 1 })] }],
    ['of a connector that is being deleted', { deletion: 'its consumer group to be deleted' }],
    ['without a configuration, of which nobody knows the group', { revision: undefined }],
  ])('promises no renewal of the offsets %s', (_when, situation) => {
    const paused = { active: false, replicas: 0, pods: [] }
    expect(conditionOf(statusOf(aSituation(paused)), 'OffsetsKept')?.reason).toBe('NotYetRenewed')
    expect(conditionOf(statusOf(aSituation({ ...paused, ...situation })), 'OffsetsKept')).toBeUndefined()
  })

  it('says while another connector has the same, and stays Ready, as nothing is overwritten', () => {
    const conflict = { reason: 'ObjectKeyConflict', message: 'games/other gives …' } as const
    const status = statusOf(aSituation({ conflict }))
    expect(conditionOf(status, 'Conflicted')).toMatchObject({ status: 'True', ...conflict })
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'True', reason: 'Delivering' })
    expect(conditionOf(statusOf(aSituation({ previous: status })), 'Conflicted')).toBeUndefined()
  })

  it('says while fewer pods run than the spec asks for, and why', () => {
    const limited = (situation: Partial<Situation>) =>
      statusOf(aSituation(situation)).conditions?.find(({ type }) => type === 'ScalingLimited')
    expect(limited({ wantedReplicas: 5, topicPartitions: 1 })).toMatchObject({
      status: 'True',
      reason: 'TooFewPartitions',
      message: 'spec.replicas is 5, partitions of the topics: 1, pods: 1; more pods would have nothing to read',
    })
    expect(limited({ topicPartitions: 3 })).toBeUndefined()
    expect(limited({ wantedReplicas: 5 })).toBeUndefined()
    expect(limited({ wantedReplicas: 5, topicPartitions: 3, replicas: 0, pods: [] })).toBeUndefined()
    expect(statusOf(aSituation({ wantedReplicas: 5, topicPartitions: 1 })).conditions?.[0]?.status).toBe('True')
  })

  it('says so of a new filter only when a sink of it has counted, and goes on saying what it said until then', () => {
    const edited = { wantedReplicas: 5, topicPartitions: 1, pods: [anOldPod()], now: LATER }
    expect(conditionOf(statusOf(aSituation(edited)), 'ScalingLimited')).toBeUndefined()
    const previous = statusOf(aSituation({ wantedReplicas: 5, topicPartitions: 1 }))
    const limited = conditionOf(previous, 'ScalingLimited')
    expect(conditionOf(statusOf(aSituation({ ...edited, previous })), 'ScalingLimited')).toEqual(limited)
    const more = statusOf(aSituation({ ...edited, wantedReplicas: 6, previous }))
    expect(conditionOf(more, 'ScalingLimited')).toBeUndefined()
  })
})
