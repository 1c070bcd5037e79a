/** `npm run faults`: sinks on real servers, and faults; exit code 1 when an event was lost, doubled, changed or left behind. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SinkChild } from '../support/sink-child.ts'
import { compileCache } from './connector.ts'
import { report } from './report.ts'
import { logDirOf, type RoundOutcome, runRound } from './round.ts'
import { startFaultyServers } from './servers.ts'
import { KILL } from './tally.ts'

const USAGE = `npm run faults -- [flags]
  --kills <n>       sinks to kill altogether; default 1000
  --seed <n>        of the first round; each has its own, one more than that of the round before. Default 1
  --round <n>       kills of one round, at the end of which everything is compared; default 100
  --connectors <n>  consumer groups that go through a round side by side; default 4
  --design <name>   a design of the simulation that is broken, to be caught; default: ours
  --report          writes docs/faults.md
`
/** Violations that are shown of one connector. */
const MOST_SHOWN = 20

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    round: { type: 'string', default: '100' },
    connectors: { type: 'string', default: '4' },
    design: { type: 'string' },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  console.log(USAGE)
  process.exit(0)
}

const [kills, firstSeed, killsOfRound] = [Number(flags.kills), Number(flags.seed), Number(flags.round)]
const startedAt = performance.now()
const progress = (line: string) =>
  console.log(`[faults ${Math.round((performance.now() - startedAt) / 1000)} s] ${line}`)
const servers = await startFaultyServers(firstSeed, progress)
const logs = await mkdtemp(join(tmpdir(), 'faults-logs-'))
const run = Date.now().toString(36)
const outcomes: RoundOutcome[] = []
try {
  await new SinkChild(['--revision', 'none'], compileCache(servers.dir)).exitCode
  for (let seed = firstSeed, done = 0; done < kills; seed++) {
    const killsNow = Math.min(killsOfRound, kills - done)
    progress(`round of seed ${seed}: ${killsNow} kills`)
    const designs = Array.from({ length: Number(flags.connectors) }, () => flags.design)
    const logDir = logDirOf(logs, seed)
    const outcome = await runRound({
      servers,
      seed,
      kills: killsNow,
      designs,
      name: `r${seed}-${run}`,
      logDir,
      progress,
    })
    outcomes.push(outcome)
    done += outcome.tally.of(KILL)
    if (!tell(outcome, killsNow, logDir)) break
  }
} finally {
  await servers.stop()
}
const isRight = outcomes.every(({ violations }) => [...violations.values()].flat().length === 0)
const text = report(outcomes, performance.now() - startedAt)
console.log(text)
if (flags.report) await writeFile(join(import.meta.dirname, '../../docs/faults.md'), text)
if (isRight) await rm(logs, { recursive: true, force: true })
process.exit(isRight ? 0 : 1)

/** @returns whether all is well */
function tell({ seed, events, objects, violations }: RoundOutcome, kills: number, logDir: string): boolean {
  const all = [...violations.values()].flat()
  if (all.length === 0) {
    progress(`seed ${seed}: ${events} events in ${objects} objects, each where it must be`)
    return true
  }
  for (const [name, found] of violations) {
    console.log(`${name}: ${found.length} violations`)
    for (const line of found.slice(0, MOST_SHOWN)) console.log(`  ${line}`)
  }
  console.log(`logs: ${logDir}\nagain: npm run faults -- --kills ${kills} --seed ${seed}`)
  return false
}
