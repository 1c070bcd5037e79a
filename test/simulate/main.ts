/**
 * `npm run simulate`: many schedules of the whole sink against simulated servers, each by its seed; exit code 1 when a
 * record was lost, doubled, changed or left behind in any.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'
import { flagsOrUsage, wholeNumber } from '../support/flags-or-usage.ts'
import { BROKEN } from './design.ts'
import { type Answer, doAll, type Failure, type Job } from './jobs.ts'
import { report } from './report.ts'
import { runSchedule } from './schedule.ts'
import { Tally } from './tally.ts'

const USAGE = `npm run simulate -- [flags]
  --schedules <n>  how many; default 100000
  --from <seed>    the first one's seed; default 1
  --seed <seed>    only this one, told from beginning to end
  --report         writes docs/simulation.md
`
/** Failing seeds that are shown; one is enough to look into. */
const MOST_SHOWN = 10
const JOB_SCHEDULES = 500
const PROGRESS_EVERY = 5_000

const { values } = flagsOrUsage(USAGE, {
  options: {
    schedules: { type: 'string', default: '100000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
})

async function one(seed: number): Promise<boolean> {
  const { trace, violations } = await runSchedule(seed, { traced: true })
  for (const line of [...trace, ...violations]) console.log(line)
  console.log(
    violations.length === 0 ? `schedule ${seed}: as it must be` : `schedule ${seed}: ${violations.length} violations`,
  )
  return violations.length === 0
}

async function many(from: number, schedules: number): Promise<boolean> {
  const startedAt = performance.now()
  const tally = new Tally()
  const failures: Failure[] = []
  const caught = new Map<string, number | null>(Object.keys(BROKEN).map((name) => [name, null]))
  const hear = (answer: Answer) => {
    if (answer.kind === 'broken design') return void caught.set(answer.name, answer.caughtAt)
    tally.addAll(answer.counts)
    failures.push(...answer.failures)
    for (const { seed, violations } of answer.failures.slice(0, MOST_SHOWN)) console.log(seed, violations)
    const done = tally.counts.schedules ?? 0
    if (done % PROGRESS_EVERY === 0) console.log(`${done} schedules, ${failures.length} failed`)
  }
  await doAll(jobsFor(from, schedules), hear)
  const text = report({
    from,
    counts: tally.counts,
    failed: failures.length,
    caught,
    tookMs: performance.now() - startedAt,
  })
  console.log(`\n${text}`)
  if (values.report) await writeFile(join(REPOSITORY, 'docs/simulation.md'), text)
  return failures.length === 0 && [...caught.values()].every((seed) => seed !== null)
}

function jobsFor(from: number, schedules: number): Job[] {
  const jobs: Job[] = Object.keys(BROKEN).map((name) => ({ kind: 'broken design', name, from }))
  for (let done = 0; done < schedules; done += JOB_SCHEDULES)
    jobs.push({ kind: 'schedules', from: from + done, count: Math.min(JOB_SCHEDULES, schedules - done) })
  return jobs
}

const number = (flag: string, text: string) => wholeNumber(USAGE, flag, text)
const isRight =
  values.seed === undefined
    ? many(number('--from', values.from), number('--schedules', values.schedules))
    : one(number('--seed', values.seed))
process.exitCode = (await isRight) ? 0 : 1
