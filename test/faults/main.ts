/** `npm run faults`: sinks on real servers, and faults; exit code 1 when an event was lost, doubled, changed or left behind. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../repository.ts'
import { flagsOrUsage, wholeNumber } from '../support/flags-or-usage.ts'
import { SinkChild } from '../support/sink-child.ts'
import { BREAKABLE } from './breakable.ts'
import { AS_BUILT, compileCache, IN_PARTS } from './connector.ts'
import { report } from './report.ts'
import { logDirOf, type RoundOutcome, runRound, violationsIn } from './round.ts'
import { startFaultyServers } from './servers.ts'
import { KILL } from './tally.ts'

const USAGE = `npm run faults -- [flags]
  --kills <n>       sinks to kill altogether; default 1000
  --seed <n>        of the first round; each has its own, one more than that of the round before. Default 1
  --round <n>       kills of one round, at the end of which everything is compared; default 125
  --connectors <n>  consumer groups that go through a round side by side; default 4
  --design <name>   a design of the simulation that is broken, to be caught; default: ours
  --report          also breaks the sink on purpose in every way it can, and writes docs/faults.md
`
/** Violations that are shown of one connector. */
const MOST_SHOWN = 20

const { values: flags } = flagsOrUsage(USAGE, {
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    round: { type: 'string', default: '125' },
    connectors: { type: 'string', default: '4' },
    design: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
})
const number = (flag: 'kills' | 'seed' | 'round' | 'connectors') => wholeNumber(USAGE, `--${flag}`, flags[flag])
const [kills, firstSeed, killsOfRound, connectors] = [
  number('kills'),
  number('seed'),
  number('round'),
  number('connectors'),
]
/** Of a round with a broken design. */
const KILLS_OF_BROKEN = 20
const startedAt = performance.now()
const progress = (line: string) =>
  console.log(`[faults ${Math.round((performance.now() - startedAt) / 1000)} s] ${line}`)
const servers = await startFaultyServers(firstSeed, progress)
const logs = await mkdtemp(join(tmpdir(), 'faults-logs-'))
const run = Date.now().toString(36)
const outcomes: RoundOutcome[] = []
/** Violations by broken design. */
const broken = new Map<string, number>()
try {
  await new SinkChild(['--revision', 'none'], compileCache(servers.dir)).exitCode
  for (let seed = firstSeed, done = 0; done < kills; seed++) {
    const killsNow = Math.min(killsOfRound, kills - done)
    const outcome = await round(seed, killsNow, flags.design)
    outcomes.push(outcome)
    done += outcome.tally.of(KILL)
    if (!tell(outcome, killsNow)) break
    await writeReport()
  }
  for (const design of flags.report ? BREAKABLE : []) {
    const outcome = await round(firstSeed + outcomes.length + broken.size, KILLS_OF_BROKEN, design)
    broken.set(design, violationsIn(outcome).length)
  }
} finally {
  await servers.stop()
}
const isRight =
  outcomes.every((outcome) => violationsIn(outcome).length === 0) && [...broken.values()].every((found) => found > 0)
console.log(await writeReport())
if (isRight) await rm(logs, { recursive: true, force: true })
process.exit(isRight ? 0 : 1)

function round(seed: number, kills: number, design?: string): Promise<RoundOutcome> {
  progress(`round of seed ${seed}: ${kills} kills${design ? `, broken on purpose: ${design}` : ''}`)
  const variant = (i: number) => (design === undefined ? ([AS_BUILT, IN_PARTS][i % 2] ?? AS_BUILT) : { design })
  const variants = Array.from({ length: connectors }, (_, i) => variant(i))
  return runRound({ servers, seed, kills, variants, name: `r${seed}-${run}`, logDir: logDirOf(logs, seed), progress })
}

/** After each round, so that a run that is interrupted has its report too. */
async function writeReport(): Promise<string> {
  const text = report(outcomes, broken, performance.now() - startedAt)
  if (flags.report) await writeFile(join(REPOSITORY, 'docs/faults.md'), text)
  return text
}

/** @returns whether all is well */
function tell({ seed, events, objects, violations }: RoundOutcome, kills: number): boolean {
  if ([...violations.values()].every((found) => found.length === 0)) {
    progress(`seed ${seed}: ${events} events in ${objects} objects, each where it must be`)
    return true
  }
  for (const [name, found] of violations) {
    console.log(`${name}: ${found.length} violations`)
    for (const line of found.slice(0, MOST_SHOWN)) console.log(`  ${line}`)
  }
  const design = flags.design === undefined ? '' : ` --design '${flags.design}'`
  const same = `--kills ${kills} --round ${kills} --seed ${seed} --connectors ${connectors}${design}`
  console.log(`logs: ${logDirOf(logs, seed)}\nagain: npm run faults -- ${same}`)
  return false
}
