import { cpus } from 'node:os'
import type { Counts } from './tally.ts'
import { MISHAPS } from './world.ts'

export interface Run {
  /** The first seed. */
  readonly from: number
  readonly failed: number
  /** Sums over all schedules. */
  readonly counts: Counts
  /** The first seed that shows that a design is broken. */
  readonly caught: ReadonlyMap<string, number | null>
  readonly tookMs: number
}

/** What became of a request, in the order of the columns. */
const FATES = ['ok', ...MISHAPS, 'killed', 'afterDeath'] as const

const COLUMNS: Readonly<Record<(typeof FATES)[number], string>> = {
  ok: 'answered',
  lost: 'lost',
  unanswered: 'answer lost',
  late: 'late',
  twice: 'again later',
  repeated: 'repeated at once',
  refused: 'refused',
  broken: 'done, then an error',
  killed: 'sent, then killed',
  afterDeath: 'arrived after its sender had died',
}

const n = (value = 0) => value.toLocaleString('en-US')
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** docs/simulation.md. */
export function report({ from, failed, counts, caught, tookMs }: Run): string {
  const schedules = counts.schedules ?? 0
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`
  const isRequest = (what: string) => FATES.some((fate) => what.endsWith(` ${fate}`))
  const events = Object.entries(counts).filter(([what]) => !isRequest(what) && what !== 'schedules')
  const designs = [...caught].map(([name, seed]) => row([name, seed === null ? 'not caught' : `seed ${seed}`]))
  return `# Simulation

Written by \`npm run simulate -- --report\`; what it does is in [testing.md](testing.md#simulation).

${n(schedules)} schedules (seeds ${from} to ${from + schedules - 1}), ${n(failed)} failed. Took ${Math.round(tookMs / 1000)} s with Node ${process.versions.node} on ${machine}.

## What happened in them

| | times |
|---|--:|
${events.map(([what, times]) => row([what, n(times)])).join('\n')}

## What became of requests

| | ${FATES.map((fate) => COLUMNS[fate]).join(' | ')} |
|---|${FATES.map(() => '--:').join('|')}|
${operationsIn(counts)
  .map((operation) => row([operation, ...FATES.map((fate) => n(counts[`${operation} ${fate}`]))]))
  .join('\n')}

## Broken on purpose, and the first schedule that shows it

| design | caught by |
|---|---|
${designs.join('\n')}
`
}

export function operationsIn(counts: Counts): string[] {
  return Object.keys(counts)
    .flatMap((what) => (what.endsWith(' ok') ? [what.slice(0, -' ok'.length)] : []))
    .sort()
}
