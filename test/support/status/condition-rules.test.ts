import { describe, expect, it } from 'vitest'
import type { AnalyticsConnectorStatus } from '../../../src/contract/resource.ts'
import { statusOf } from '../../../src/operator/status.ts'
import { aPod, aSituation, says } from '../../operator/builders.ts'
import { statusViolations, transitionViolations } from './condition-rules.ts'
import { kstatusOf } from './kstatus.ts'
import { StatusWrites } from './status-writes.ts'

const GENERATION = 3
const good = statusOf(aSituation())
const failed = statusOf(aSituation({ pods: [aPod({ report: says('FAILED', { error: 'S3 NoSuchBucket' }) })] }))
const conditions = good.conditions ?? []
const [ready, active] = conditions
const stalled = { ...ready, type: 'Stalled', status: 'True' }
const broken = (change: object) => statusViolations({ ...good, ...change } as AnalyticsConnectorStatus, GENERATION)

describe('statusViolations', () => {
  it('finds nothing wrong with what the operator makes', () => {
    expect(statusViolations(good, GENERATION)).toEqual([])
    expect(statusViolations(failed, GENERATION)).toEqual([])
  })

  it.each([
    ['another generation', { observedGeneration: 2 }],
    ['no Ready', { conditions: [active] }],
    ['two of a type', { conditions: [ready, active, active] }],
    ['Ready beside Stalled', { conditions: [ready, active, stalled] }],
    ['Reconciling beside Stalled', { conditions: [ready, active, stalled, { ...stalled, type: 'Reconciling' }] }],
    ['Stalled while False', { conditions: [ready, active, { ...stalled, status: 'False' }] }],
    ['Ready=False without a word on what is next', { conditions: [{ ...ready, status: 'False' }, active] }],
    ['FAILED without an error', { connector: { ...good.connector, status: 'FAILED' } }],
    ['an error without FAILED', { connector: { ...good.connector, error: 'what?' } }],
    ['INACTIVE although Active', { connector: { ...good.connector, status: 'INACTIVE' } }],
    ['a condition without a reason', { conditions: [{ ...ready, reason: '' }, active] }],
    ['a condition of an earlier generation', { conditions: [ready, { ...active, observedGeneration: 2 }] }],
  ])('sees %s', (_what, change) => {
    expect(broken(change)).not.toEqual([])
  })
})

describe('transitionViolations', () => {
  it('sees a time that moves although nothing else does', () => {
    const time = '2026-03-01T13:00:00Z'
    const moved = { ...good, connector: { ...good.connector, time } } as AnalyticsConnectorStatus
    expect(transitionViolations(good, moved)).toHaveLength(1)
    const lastTransitionTime = time
    const touched = { ...good, conditions: conditions.map((each) => ({ ...each, lastTransitionTime })) }
    expect(transitionViolations(good, touched)).toHaveLength(2)
    expect(transitionViolations(good, failed)).toEqual([])
  })
})

describe('StatusWrites', () => {
  it('sees a write without news', () => {
    const writes = new StatusWrites()
    writes.note('games/events', GENERATION, good)
    expect(() => writes.verify()).not.toThrow()
    writes.note('games/events', GENERATION, good)
    expect(() => writes.verify()).toThrow('says nothing new')
  })
})

describe('kstatusOf', () => {
  it('is what Flux, Helm and kubectl make of it', () => {
    const metadata = { generation: GENERATION }
    expect(kstatusOf({ metadata, status: good })).toBe('Current')
    expect(kstatusOf({ metadata, status: failed })).toBe('Failed')
    expect(kstatusOf({ metadata: { generation: 4 }, status: failed })).toBe('InProgress')
    expect(kstatusOf({ metadata, status: { observedGeneration: -1 } })).toBe('InProgress')
    expect(kstatusOf({ metadata: { ...metadata, deletionTimestamp: 'now' }, status: good })).toBe('Terminating')
  })
})
