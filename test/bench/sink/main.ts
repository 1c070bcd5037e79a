/**
 * `npm run bench:sink`: how much processor time and memory the sink takes for a million records, on a real Kafka and a
 * real S3 server, beside a plain loop that only copies and kafkajs's own consumer. Prints a table for docs/performance.md.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { REPOSITORY } from '../../repository.ts'
import { Bucket } from '../../support/bucket.ts'
import { flagsOrUsage } from '../../support/flags-or-usage.ts'
import { type Backlog, backlogOn, streamingTopic } from './backlog.ts'
import { CASES, type Case } from './cases.ts'
import { measureFlatness } from './flatness.ts'
import { type Measurement, measure, type Worker } from './measure.ts'
import { startServers } from './servers.ts'
import { table } from './table.ts'

const USAGE = `npm run bench:sink -- [flags]
  --only <pattern>   only the cases whose name matches this regular expression; may be given several times
  --rounds <n>       rounds, each with one run of every case; medians are shown; default 3
  --megabytes <n>    size of a backlog; default 3000
  --minutes <n>      instead of backlogs, a steady stream for so long, and whether memory stays flat
  --rate <n>         of that stream, megabytes a second; default 20
  --tls              S3 over https
  --profile <folder> each process leaves a V8 profile of its processor time there (for Chrome's DevTools)
`
const GIVE_UP_MS = 300_000

const { values: flags } = flagsOrUsage(USAGE, {
  options: {
    only: { type: 'string', multiple: true, default: [''] },
    rounds: { type: 'string', default: '3' },
    megabytes: { type: 'string', default: '3000' },
    minutes: { type: 'string' },
    rate: { type: 'string', default: '20' },
    tls: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})

const cases = CASES.filter(({ name }) => flags.only.some((pattern) => name.match(pattern)))
if (cases.length === 0) {
  console.error(
    `no case matches ${flags.only.join(' or ')}; there are\n${CASES.map(({ name }) => `  ${name}\n`).join('')}`,
  )
  process.exit(2)
}

const progress = (line: string) => console.error(`[bench] ${line}`)
// The sink runs as in its image: built, not stripped of its types as it starts.
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: REPOSITORY })
const servers = await startServers(flags.tls, progress)
const dir = await mkdtemp(join(tmpdir(), 'bench-sink-config-'))
const nodeOptions = flags.profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(flags.profile)}`] : []
const backlogs = new Map<string, Backlog>()
const bucket = new Bucket(servers.s3, `bench-${Date.now().toString(36)}`)
await bucket.create()
try {
  if (flags.minutes === undefined) await measureBacklogs()
  else
    for (const each of cases.filter(({ name }) => name.startsWith('sink')))
      await measureStream(each, Number(flags.minutes))
} finally {
  await rm(dir, { recursive: true })
  await servers.stop()
}

async function measureBacklogs(): Promise<void> {
  const rounds = new Map<string, Measurement[]>(cases.map(({ name }) => [name, []]))
  for (const each of cases) await backlogOf(each)
  for (let round = 1; round <= Number(flags.rounds); round++)
    for (const each of cases) {
      const measurement = await onBacklog(each)
      rounds.get(each.name)?.push(measurement)
      progress(`round ${round}: ${each.name}: ${measurement.cpuSecondsPerMillion.toFixed(2)} CPU-seconds per million`)
    }
  const load = loadavg().map((each) => each.toFixed(1))
  console.log(
    `\n${machine()}, load average ${load.join(' ')} at the end, ${flags.rounds} rounds of ${flags.megabytes} MB, S3 over ${flags.tls ? 'https' : 'http'}\n`,
  )
  for (const line of table(cases, rounds)) console.log(line)
}

function machine(): string {
  return `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, Kafka 4.4, versitygw 1.8`
}

async function onBacklog(each: Case): Promise<Measurement> {
  const backlog = await backlogOf(each)
  return running(each, backlog, (worker) => measure(worker, backlog.records, GIVE_UP_MS))
}

async function measureStream(each: Case, minutes: number): Promise<void> {
  const stream = await streamingTopic(servers.kafkaBootstrapServers, each)
  const sweeping = setInterval(() => void bucket.empty(), 10_000)
  const { kafkaBootstrapServers: bootstrapServers } = servers
  const steady = { ...stream, bootstrapServers, megabytesPerSecond: Number(flags.rate) }
  progress(`${each.name}: ${minutes} minutes and one to start`)
  await running(each, stream, (worker) => measureFlatness(worker, steady, minutes, progress)).finally(() =>
    clearInterval(sweeping),
  )
}

async function running<T>({ start }: Case, backlog: Backlog, work: (worker: Worker) => Promise<T>): Promise<T> {
  const worker = await start({ servers, backlog, bucket: bucket.name, dir, nodeOptions })
  try {
    return await work(worker)
  } finally {
    await worker.end()
    await bucket.empty()
  }
}

async function backlogOf({ eventBytes, eventNames }: Case): Promise<Backlog> {
  const key = `${eventBytes} ${eventNames}`
  const records = Math.round((Number(flags.megabytes) * 1_000_000) / eventBytes)
  const known =
    backlogs.get(key) ?? (await backlogOn(servers.kafkaBootstrapServers, { records, eventBytes, eventNames }, progress))
  backlogs.set(key, known)
  return known
}
