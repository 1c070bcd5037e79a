/**
 * `npm run bench:sink`: how much processor time and memory the sink takes for a million records, on a real Kafka and a
 * real S3 server, beside a plain loop that only copies and kafkajs's own consumer. Prints a table for docs/performance.md.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Bucket } from '../../support/bucket.ts'
import { type Backlog, backlogOn } from './backlog.ts'
import { CASES, type Case } from './cases.ts'
import { type Measurement, measure, median } from './measure.ts'
import { startServers } from './servers.ts'

const USAGE = `npm run bench:sink -- [flags]
  --only <text>      only the cases whose name contains it
  --runs <n>         runs of each case, of which the median is shown; default 3
  --megabytes <n>    size of a backlog; default 1000
  --profile <folder> each process leaves a V8 profile of its processor time there (for Chrome's DevTools)
`
const GIVE_UP_MS = 300_000

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    runs: { type: 'string', default: '3' },
    megabytes: { type: 'string', default: '1000' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  console.log(USAGE)
  process.exit(0)
}

const progress = (line: string) => console.error(`[bench] ${line}`)
const servers = await startServers(progress)
const dir = await mkdtemp(join(tmpdir(), 'bench-sink-config-'))
const profiling = flags.profile ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(flags.profile)}` } : {}
const backlogs = new Map<string, Backlog>()
const bucket = new Bucket(servers.s3, `bench-${Date.now().toString(36)}`)
await bucket.create()

try {
  const rows: string[] = []
  for (const each of CASES.filter(({ name }) => name.match(flags.only))) {
    const measurements: Measurement[] = []
    for (let run = 0; run < Number(flags.runs); run++) measurements.push(await runOnce(each))
    rows.push(rowOf(each, median(measurements), measurements))
    progress(rows.at(-1) ?? '')
  }
  console.log(`\n${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, median of ${flags.runs} runs\n`)
  console.log(
    '| what | records/s | MB/s | records per CPU-second | CPU-seconds per million | of them lowest–highest | peak RSS |',
  )
  console.log('|---|--:|--:|--:|--:|--:|--:|')
  for (const row of rows) console.log(row)
} finally {
  await rm(dir, { recursive: true })
  await servers.stop()
}

async function runOnce({ eventBytes, eventNames, start }: Case): Promise<Measurement> {
  const backlog = await backlogOf(eventBytes, eventNames)
  const worker = await start({ servers, backlog, bucket: bucket.name, dir, env: profiling })
  try {
    return await measure(worker, backlog.records, GIVE_UP_MS)
  } finally {
    await worker.end()
    await bucket.empty()
  }
}

async function backlogOf(eventBytes: number, eventNames: number): Promise<Backlog> {
  const key = `${eventBytes} ${eventNames}`
  const records = Math.round((Number(flags.megabytes) * 1_000_000) / Math.max(eventBytes, 400))
  const known =
    backlogs.get(key) ?? (await backlogOn(servers.kafkaBootstrapServers, { records, eventBytes, eventNames }, progress))
  backlogs.set(key, known)
  return known
}

function rowOf(
  { name, eventBytes }: Case,
  { recordsPerSecond, cpuSecondsPerMillion, peakBytes }: Measurement,
  all: readonly Measurement[],
): string {
  const cpu = all.map((each) => each.cpuSecondsPerMillion)
  const cells = [
    name,
    Math.round(recordsPerSecond).toLocaleString('en'),
    ((recordsPerSecond * eventBytes) / 1_000_000).toFixed(0),
    Math.round(1_000_000 / cpuSecondsPerMillion).toLocaleString('en'),
    cpuSecondsPerMillion.toFixed(2),
    `${Math.min(...cpu).toFixed(2)}–${Math.max(...cpu).toFixed(2)}`,
    `${(peakBytes / 1024 / 1024).toFixed(0)} MiB`,
  ]
  return `| ${cells.join(' | ')} |`
}
