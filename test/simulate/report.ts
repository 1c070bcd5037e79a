import { cpus } from 'node:os'

/** Sums over all schedules of one run. */
export interface Totals {
  readonly from: number
  readonly schedules: number
  failed: number
  kills: number
  processes: number
  records: number
  objects: number
  /** Assignments that began with the set of an earlier owner. */
  replays: number
}

/** docs/simulation.md. */
export function report(totals: Totals, caught: ReadonlyMap<string, number | null>, tookMs: number): string {
  const { from, schedules, failed, kills, processes, records, objects, replays } = totals
  const n = (value: number) => value.toLocaleString('en-US')
  const designs = [...caught].map(([name, seed]) => `| ${name} | ${seed === null ? 'not caught' : `seed ${seed}`} |`)
  return `# Simulation

Written by \`npm run simulate -- --report\`; what it does is in [testing.md](testing.md).

| | |
|---|---|
| schedules | ${n(schedules)}, seeds ${from} to ${from + schedules - 1} |
| failed | ${n(failed)} |
| sink processes, of which killed | ${n(processes)}, ${n(kills)} |
| records produced | ${n(records)} |
| objects created | ${n(objects)} |
| assignments that began with the set of an earlier owner | ${n(replays)} |
| took | ${Math.round(tookMs / 1000)} s, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'} |

Broken on purpose, and the first schedule that shows it:

| design | caught by |
|---|---|
${designs.join('\n')}
`
}
