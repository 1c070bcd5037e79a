/**
 * `npm run simulate`: many schedules of the whole sink against simulated servers, each by its seed; exit code 1 when a
 * record was lost, doubled, changed or left behind in any. `-- --seed N` tells one schedule from beginning to end.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { caughtAt } from './broken-designs.ts'
import { BROKEN } from './design.ts'
import { report, type Totals } from './report.ts'
import { runSchedule } from './schedule.ts'

/** Failing seeds that are shown; one is enough to look into. */
const MOST_SHOWN = 10
const PROGRESS_EVERY = 5_000

const { values } = parseArgs({
  options: {
    /** How many, from seed `--from` on. */
    schedules: { type: 'string', default: '100000' },
    from: { type: 'string', default: '1' },
    /** Only this one, with its trace. */
    seed: { type: 'string' },
    /** Writes docs/simulation.md. */
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
  Error.stackTraceLimit = 0
  const startedAt = performance.now()
  const totals: Totals = { from, schedules, failed: 0, kills: 0, processes: 0, records: 0, objects: 0, replays: 0 }
  for (let seed = from; seed < from + schedules; seed++) {
    const outcome = await runSchedule(seed)
    for (const count of ['kills', 'processes', 'records', 'objects', 'replays'] as const)
      totals[count] += outcome[count]
    if (outcome.violations.length > 0 && ++totals.failed <= MOST_SHOWN) console.log(seed, outcome.violations)
    if ((seed - from + 1) % PROGRESS_EVERY === 0) console.log(`${seed - from + 1} schedules, ${totals.failed} failed`)
  }
  const caught = new Map<string, number | null>()
  for (const [name, design] of Object.entries(BROKEN)) caught.set(name, await caughtAt(design, from))
  const text = report(totals, caught, performance.now() - startedAt)
  console.log(`\n${text}`)
  if (values.report) await writeFile(join(import.meta.dirname, '../../docs/simulation.md'), text)
  return totals.failed === 0 && [...caught.values()].every((seed) => seed !== null)
}

const isRight =
  values.seed === undefined ? many(Number(values.from), Number(values.schedules)) : one(Number(values.seed))
process.exitCode = (await isRight) ? 0 : 1
