import { describe, expect, it } from 'vitest'
import { type Situation, statusOf } from '../../src/operator/status.ts'
import { transitionsOf } from '../../src/operator/transition.ts'
import { anOldPod, aPod, aSituation, NOW, says } from './builders.ts'

const failing = (error: string): Partial<Situation> => ({ pods: [aPod({ report: says('FAILED', { error }) })] })

function transition(before: Partial<Situation> | undefined, after: Partial<Situation>) {
  const previous = before && statusOf(aSituation(before))
  const transitions = transitionsOf(previous, statusOf(aSituation({ ...after, previous })))
  expect(transitions.length).toBeLessThanOrEqual(1)
  return transitions[0]
}

describe('transitionsOf', () => {
  it('warns when a connector fails, and again when it fails for another reason, but not for the same', () => {
    const warning = { type: 'Warning', reason: 'SinkFailed', action: 'Reconcile', note: 'S3 AccessDenied' }
    expect(transition({}, failing('S3 AccessDenied'))).toEqual(warning)
    expect(transition(failing('S3 NoSuchBucket'), failing('S3 AccessDenied'))).toEqual(warning)
    expect(transition(failing('S3 AccessDenied'), failing('S3 AccessDenied'))).toBeUndefined()
  })

  it('tells of the first state, of a recovery, a pause and a resumption', () => {
    const paused = { active: false, replicas: 0, pods: [] }
    expect(transition(undefined, { pods: [] })?.reason).toBe('Starting')
    expect(transition(failing('x'), {})).toMatchObject({ type: 'Normal', reason: 'Active' })
    expect(transition({}, paused)?.reason).toBe('Paused')
    expect(transition(paused, { pods: [] })?.reason).toBe('Starting')
  })

  it('tells when a rollout begins and ends while the connector stays ACTIVE', () => {
    const rolling = { pods: [aPod(), anOldPod()] }
    expect(transition({}, rolling)?.reason).toBe('RollingOut')
    expect(transition(rolling, {})?.reason).toBe('Delivering')
  })

  it('does not tell of progress within a state', () => {
    const two = { replicas: 3, pods: [aPod(), aPod()] }
    expect(transition({ replicas: 3, pods: [aPod()] }, two)).toBeUndefined()
  })

  it('warns once of a conflict with another connector, and again when it is with a third', () => {
    const conflict = (message: string) => ({ conflict: { reason: 'ObjectKeyConflict', message } as const })
    const warning = { type: 'Warning', reason: 'ObjectKeyConflict', action: 'Reconcile', note: 'games/a has …' }
    expect(transition({}, conflict('games/a has …'))).toEqual(warning)
    expect(transition(conflict('games/a has …'), conflict('games/a has …'))).toBeUndefined()
    expect(transition(conflict('games/a has …'), conflict('games/b has …'))).toMatchObject({ note: 'games/b has …' })
    expect(transition(conflict('games/b has …'), {})).toBeUndefined()
  })

  it('warns once when the offsets of a paused connector are no longer renewed, and tells when they are again', () => {
    const paused = { active: false, replicas: 0, pods: [] }
    const keeping = { sinceMs: NOW, renewedAt: undefined, failure: undefined }
    const failing = { ...paused, keeping: { ...keeping, failure: 'Kafka: no broker' } }
    expect(transition(paused, failing)).toMatchObject({ type: 'Warning', reason: 'RenewalFailed' })
    expect(transition(failing, failing)).toBeUndefined()
    const renewed = { ...paused, keeping: { ...keeping, renewedAt: '2026-03-01T11:00:00Z' } }
    expect(transition(failing, renewed)).toMatchObject({ type: 'Normal', reason: 'Renewed' })
    expect(transition(paused, renewed)).toBeUndefined()
  })
})
