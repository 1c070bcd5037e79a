import { percentile } from '../figures.ts'
import type { Case } from './cases.ts'
import { histogramIn, quantileBound } from './histogram.ts'
import type { Measurement } from './measure.ts'

/** What was measured of each case, by name: one measurement for each round, null for one that was left out. */
export type Rounds = ReadonlyMap<string, readonly Measurement[]>

const COLUMNS = [
  'what',
  'records/s',
  'MB/s',
  'records per CPU-second',
  'CPU-seconds per million (lowest–highest)',
  'of the plain loop’s speed',
  'CPU of kafkajs’s loop',
  'peak RSS',
  'flush p50 / p99',
  'objects',
]

/** Rows for docs/performance.md: medians over the rounds; a ratio is the median of those within one round. */
export function table(cases: readonly Case[], rounds: Rounds): string[] {
  const measured = cases.filter(({ name }) => rounds.get(name)?.length)
  return [
    row(COLUMNS),
    row(COLUMNS.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...measured.map((each) => rowOf(each, rounds)),
  ]
}

function rowOf({ name, eventBytes, plain, kafkajs }: Case, rounds: Rounds): string {
  const all = rounds.get(name) ?? []
  const median = (of: (measurement: Measurement) => number) => percentile(all.map(of), 0.5)
  const cpu = cpuOf(all)
  const perMillion = percentile(cpu, 0.5)
  const perSecond = median(({ recordsPerSecond }) => recordsPerSecond)
  return row([
    name,
    Math.round(perSecond).toLocaleString('en'),
    ((perSecond * eventBytes) / 1_000_000).toFixed(0),
    Math.round(1_000_000 / perMillion).toLocaleString('en'),
    `${perMillion.toFixed(2)} (${Math.min(...cpu).toFixed(2)}–${Math.max(...cpu).toFixed(2)})`,
    ratio(cpuOf(rounds.get(plain)), cpu),
    ratio(cpu, cpuOf(rounds.get(kafkajs))),
    `${(median(({ peakBytes }) => peakBytes) / 1024 / 1024).toFixed(0)} MiB`,
    flushes(all),
    objects(all),
  ])
}

function cpuOf(all: readonly Measurement[] = []): number[] {
  return all.map(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion)
}

/** Round by round, as the machine is not equally fast in all of them. */
function ratio(cpu: readonly number[], other: readonly number[]): string {
  const ratios = cpu.flatMap((each, round) => (other[round] === undefined ? [] : [each / other[round]]))
  return ratios.length === 0 ? '–' : `${(percentile(ratios, 0.5) * 100).toFixed(0)} %`
}

/** Bounds of the histogram's buckets, of the last round. */
function flushes(all: readonly Measurement[]): string {
  const histogram = histogramIn(all.at(-1)?.metrics ?? '', 'analytics_connector_flush_duration_seconds')
  const [p50, p99] = [quantileBound(histogram, 0.5), quantileBound(histogram, 0.99)]
  return p50 === null || p99 === null ? '–' : `≤ ${p50} s / ≤ ${p99} s`
}

/** How many, their mean size, and what closed most sets; of the last round. */
function objects(all: readonly Measurement[]): string {
  const metrics = all.at(-1)?.metrics ?? ''
  const [created, bytes] = ['objects_created_total', 'object_bytes_created_total'].map((name) =>
    Number(new RegExp(`^analytics_connector_${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0),
  ) as [number, number]
  const reasons = [...metrics.matchAll(/^analytics_connector_flushes_total\{(?:[^}]*,)?reason="(\w+)"[^}]*\} (\d+)$/gm)]
  const [most] = reasons.sort((a, b) => Number(b[2]) - Number(a[2]))
  return created === 0
    ? '–'
    : `${created.toLocaleString('en')} of ${Math.round(bytes / created / 1024)} KiB (${most?.[1]})`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
