import { beforeAll, describe, expect, test } from 'vitest'
import { BROKEN, type Design } from './design.ts'
import { type Answer, doAll, type Failure, type Job } from './jobs.ts'
import { operationsIn } from './report.ts'
import { runSchedule } from './schedule.ts'
import { type Counts, Tally } from './tally.ts'

const SCHEDULES = 5_000
const JOB_SCHEDULES = 250
/** A minute on two idle processors; a machine that does other things as well must not make it fail. */
const HANGS_AFTER_MS = 30 * 60_000

const failures: Failure[] = []
const caught = new Map<string, number | null>()
let counts: Counts

beforeAll(async () => {
  const tally = new Tally()
  const jobs: Job[] = Object.keys(BROKEN).map((name) => ({ kind: 'broken design', name, from: 1 }))
  for (let from = 1; from <= SCHEDULES; from += JOB_SCHEDULES)
    jobs.push({ kind: 'schedules', from, count: JOB_SCHEDULES })
  await doAll(jobs, (answer: Answer) => {
    if (answer.kind === 'broken design') return void caught.set(answer.name, answer.caughtAt)
    tally.addAll(answer.counts)
    failures.push(...answer.failures)
  })
  counts = tally.counts
}, HANGS_AFTER_MS)

test('whatever crashes, delays, rebalances and edits befall the sinks, every record is in exactly one object', () => {
  expect(failures).toEqual([])
  expect(counts.schedules).toBe(SCHEDULES)
})

describe('what is to be proven happens, once in so many schedules at least:', () => {
  test.each([
    ['kill', 1],
    ['stop and wake', 10],
    ['drain', 10],
    ['scale up', 10],
    ['another configuration', 10],
    ['another coordinator', 10],
    ['another partition', 10],
    ['a lifecycle rule for uploads', 10],
    ['retention', 10],
    ['retention: all records', 10],
    ['records expired before they were read', 25],
    ['unclean elections', 25],
    ['unclean elections: records lost that were read', 50],
    ['… of what was only read', 500],
    ['… of what was promised', 100],
    ['rebalances', 1],
    ['members expelled', 5],
    ['partitions kept through a rebalance', 1],
    ['… with records that were not committed yet', 1],
    ['… while a set was being written', 10],
    ['sets of an earlier owner found', 5],
    ['… under another configuration', 25],
    ['… of which records had expired', 100],
    ['orphaned uploads aborted', 200],
    ['CompleteMultipartUpload late', 50],
    ['CompleteMultipartUpload repeated', 50],
    ['CompleteMultipartUpload afterDeath', 500],
    ['PutObject afterDeath', 50],
    ['OffsetCommit afterDeath', 100],
  ])('%s, %i', (what, oneIn) => {
    expect(counts[what]).toBeGreaterThanOrEqual(SCHEDULES / oneIn)
  })

  test('a request of each kind that is lost, late, refused, done without an answer', () => {
    for (const operation of operationsIn(counts))
      for (const fate of ['lost', 'late', 'refused', 'unanswered', 'broken'])
        expect([operation, fate, (counts[`${operation} ${fate}`] ?? 0) > 0]).toEqual([operation, fate, true])
  })
})

test('a schedule happens again exactly as it did, one that fails too', async () => {
  const [once, again] = [await runSchedule(7, { traced: true }), await runSchedule(7, { traced: true })]
  expect(again).toEqual(once)
  expect((await runSchedule(8, { traced: true })).trace).not.toEqual(once.trace)
  const name = 'the intent after the write'
  const failing = { design: BROKEN[name] as Design, traced: true }
  const failed = await runSchedule(caught.get(name) ?? 0, failing)
  expect(failed.violations).not.toEqual([])
  expect(await runSchedule(failed.seed, failing)).toEqual(failed)
})

describe('the simulation can fail: it catches', () => {
  test.each(Object.keys(BROKEN))('%s', (name) => {
    expect(caught.get(name)).not.toBe(null)
  })
})
