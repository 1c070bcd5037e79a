import { describe, expect, it } from 'vitest'
import type { CronJob, Job } from '../../src/kube/kinds.ts'
import { keepingOf } from '../../src/operator/group-tasks.ts'
import { offsetsKept } from '../../src/operator/offsets-kept.ts'
import { NOW } from './builders.ts'

const cronJob = (lastSuccessfulTime?: string): CronJob =>
  ({
    metadata: { uid: 'cron', creationTimestamp: '2026-02-28T12:00:00Z' },
    status: lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime },
  }) as CronJob

const job = (creationTimestamp: string, type: 'Failed' | 'Complete', uid = 'cron'): Job => ({
  metadata: {
    name: 'job',
    creationTimestamp,
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'cron', uid }],
  },
  status: { conditions: [{ type, status: 'True', message: `it is ${type}` }] },
})

const told = (cron: CronJob | undefined, jobs: Job[] = [], nowMs = NOW) => offsetsKept(keepingOf(cron, jobs, []), nowMs)

describe('offsetsKept', () => {
  it('knows nothing until the first renewal', () => {
    expect(told(undefined).status).toBe('Unknown')
    expect(told(cronJob())).toMatchObject({ status: 'Unknown', reason: 'NotYetRenewed' })
  })

  it('is True after a renewal, with its time, and claims nothing of a group that may have had no offsets', () => {
    const kept = told(cronJob('2026-03-01T10:00:00Z'))
    expect(kept).toMatchObject({ status: 'True', reason: 'Renewed' })
    expect(kept.message).toBe('what the consumer group has of offsets was renewed at 2026-03-01T10:00:00Z')
  })

  it('is False when the newest renewal failed, and no longer when a later one succeeded', () => {
    const failed = [job('2026-03-01T11:00:00Z', 'Failed')]
    const kept = told(cronJob('2026-02-28T11:00:00Z'), failed)
    expect(kept).toMatchObject({ status: 'False', reason: 'RenewalFailed' })
    expect(kept.message).toBe('it is Failed (last renewed at 2026-02-28T11:00:00Z; tried again once a day)')
    expect(told(cronJob('2026-03-01T11:30:00Z'), failed).status).toBe('True')
    expect(told(cronJob(), [job('2026-03-01T11:00:00Z', 'Failed', 'of another')]).status).toBe('Unknown')
  })

  it('stays so while the next one is tried, which is no renewal yet', () => {
    const { status: _, ...running } = job('2026-03-01T11:55:00Z', 'Failed')
    const failed = job('2026-02-28T11:55:00Z', 'Failed')
    expect(told(cronJob('2026-02-27T11:56:00Z'), [running, failed])).toMatchObject({ reason: 'RenewalFailed' })
    const succeeded = job('2026-03-01T11:55:00Z', 'Complete')
    expect(told(cronJob('2026-02-27T11:56:00Z'), [succeeded, failed])).toMatchObject({ reason: 'Renewed' })
  })

  it('is False when none came for two days, whether there ever was one or not', () => {
    const later = NOW + 49 * 3_600_000
    expect(told(cronJob(), [], later)).toMatchObject({ status: 'False', reason: 'RenewalOverdue' })
    expect(told(cronJob('2026-03-01T10:59:59Z'), [], later)).toMatchObject({ reason: 'RenewalOverdue' })
    expect(told(cronJob('2026-03-01T12:00:00Z'), [], later).status).toBe('True')
  })
})
