/**
 * `npm run bench:operator`: how the operator does with so many connectors, on a real API server with real controllers and simulated pods. Prints
 * a table for docs/performance.md.
 */
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { flagsOrUsage } from '../../support/flags-or-usage.ts'
import { duration, spread } from '../figures.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type ConnectorName, connectorNames } from './connectors.ts'
import { copyConnector } from './copies.ts'
import { MachineUsage } from './machine-usage.ts'
import type { OperatorProcess } from './operator-process.ts'

const USAGE = `npm run bench:operator -- [flags] [connectors …]
  connectors         numbers of connectors, a column of the table for each; default 100 1000
  --copies           make one connector and copy it, and leave out what concerns all connectors at once: a column takes minutes
                     instead of hours
  --profile <folder> the operator leaves a V8 profile of its processor time and a heap snapshot there (for Chrome's DevTools)
`
const IDLE_MS = 30_000
/** Before idleness is measured: the last status polls after a change, and V8 gives back what a start took. */
const SETTLE_MS = 12_000
const SINGLE_CHANGES = 50

const { values: flags, positionals } = flagsOrUsage(USAGE, {
  options: { copies: { type: 'boolean', default: false }, profile: { type: 'string' } },
  allowPositionals: true,
})
if (flags.profile !== undefined) mkdirSync(flags.profile, { recursive: true })
const counts = positionals.map(Number)
if (!counts.every((count) => Number.isInteger(count) && count > 0)) {
  console.error(`numbers of connectors, not ${positionals.join(' ')}\n\n${USAGE}`)
  process.exit(2)
}
const progress = (line: string) => process.stderr.write(`${line}\n`)

type Row = (name: string, value: string) => void

/** One column of the table. */
async function measure(count: number): Promise<Map<string, string>> {
  const rows = new Map<string, string>()
  const row: Row = (name, value) => {
    if (rows.has(name)) throw new Error(`two rows of the table are called “${name}”`)
    rows.set(name, value)
    progress(`${count}: ${name}: ${value}`)
  }
  const names = connectorNames(count)
  const cluster = await startCluster(new Set(names.map(({ namespace }) => namespace)), progress)
  try {
    if (flags.copies) await copied(cluster, names)
    else await created(cluster, names, row)
    const first = await cluster.operator(profileFlags())
    await first.converged(count, answering(cluster, count))
    await idle(cluster, first, row)
    await singleChanges(cluster, first, names, row)
    if (flags.profile) first.snapshot()
    if (flags.profile) await delay(20_000)
    await first.stop(flags.profile ? 'SIGTERM' : 'SIGKILL')
    const second = await restart(cluster, count, row)
    if (!flags.copies) await allChanged(cluster, second, names, row)
    return rows
  } finally {
    await cluster.close()
  }
}

function profileFlags(): string[] {
  if (flags.profile === undefined) return []
  return [
    '--cpu-prof',
    '--cpu-prof-dir',
    flags.profile,
    '--heapsnapshot-signal=SIGUSR2',
    '--diagnostic-dir',
    flags.profile,
  ]
}

/** Tells how many pods have answered since now. */
function answering({ node }: Cluster, pods: number): () => number {
  const before = node.asked
  return () => Math.min(pods, node.asked - before)
}

async function copied(cluster: Cluster, names: readonly ConnectorName[]): Promise<void> {
  const { api, etcd, node, connectors, operator, controllerManager } = cluster
  const maker = await operator()
  const original = { namespace: names[0]?.namespace ?? '', name: 'original' }
  await connectors.change([original], 1)
  await delay(2_000)
  await maker.stop()
  // It would see a ReplicaSet before its pod, and make another.
  await controllerManager.stop('SIGKILL')
  await copyConnector({ api, etcd, node, original, names })
  progress(`${names.length} copies are made`)
  while (node.running < names.length) await delay(200)
  await controllerManager.start()
  // The controllers look at everything once.
  if (!(await new MachineUsage().isQuiet())) progress('the machine is still busy: measured beside that')
}

async function created({ connectors, operator }: Cluster, names: readonly ConnectorName[], row: Row): Promise<void> {
  const maker = await operator()
  const begun = performance.now()
  const { applied, ready } = await connectors.change(names, 1)
  row('all created at once: all Ready after', duration(performance.now() - begun))
  row('… all created: spec → applied, p50 / p99', spread(applied))
  row('… all created: spec → Ready, p50 / p99', spread(ready))
  await delay(SETTLE_MS)
  row('… memory after all are created (RSS; most)', rss(maker))
  await maker.stop()
}

async function idle({ node }: Cluster, operator: OperatorProcess, row: Row): Promise<void> {
  await delay(SETTLE_MS)
  const machine = new MachineUsage()
  const before = {
    ...(await operator.requests()),
    cpu: operator.cpuSeconds,
    asked: node.asked,
    own: process.cpuUsage(),
  }
  await delay(IDLE_MS)
  const own = process.cpuUsage(before.own)
  const after = { ...(await operator.requests()), cpu: operator.cpuSeconds, asked: node.asked }
  const share = (seconds: number) => `${(((seconds * 1000) / IDLE_MS) * 100).toFixed(1)} %`
  row('idle: writes in 30 s', String(after.writes - before.writes))
  row('idle: CPU of the operator, of one core', share(after.cpu - before.cpu))
  row('… of the simulated pods, of one core', share((own.user + own.system) / 1e6))
  row('… of the whole machine, of two', `${(machine.share * 100).toFixed(0)} %`)
  row('idle: pods asked for their status, a second', ((after.asked - before.asked) / (IDLE_MS / 1000)).toFixed(0))
  row('idle: memory (RSS; most since the start)', rss(operator))
}

async function singleChanges(
  cluster: Cluster,
  operator: OperatorProcess,
  names: readonly ConnectorName[],
  row: Row,
): Promise<void> {
  const before = { ...(await operator.requests()), byWhat: await operator.writes() }
  const machine = new MachineUsage()
  const { applied, told, ready } = await cluster.connectors.change(names.slice(0, SINGLE_CHANGES), 2, 1)
  row('one change at a time: spec → applied, p50 / p99', spread(applied))
  row('… spec → status, p50 / p99', spread(told))
  row('… spec → Ready, p50 / p99', spread(ready))
  const after = { ...(await operator.requests()), byWhat: await operator.writes() }
  const per = (sum: number) => (sum / ready.length).toFixed(1)
  row('… requests a change (of them writes)', `${per(after.all - before.all)} (${per(after.writes - before.writes)})`)
  for (const [what, sum] of after.byWhat) row(`… … ${what}`, per(sum - (before.byWhat.get(what) ?? 0)))
  row('… CPU of the whole machine meanwhile', `${(machine.share * 100).toFixed(0)} %`)
}

async function restart(cluster: Cluster, count: number, row: Row): Promise<OperatorProcess> {
  const answered = answering(cluster, count)
  const operator = await cluster.operator()
  row('restart → converged', duration(await operator.converged(count, answered)))
  row('… writes of the restart', String((await operator.requests()).writes))
  row('… CPU seconds of it', operator.cpuSeconds.toFixed(1))
  row('… memory (RSS; most)', rss(operator))
  return operator
}

async function allChanged(
  { connectors }: Cluster,
  operator: OperatorProcess,
  names: readonly ConnectorName[],
  row: Row,
): Promise<void> {
  const begun = performance.now()
  const { applied, ready } = await connectors.change(names, 3)
  row('all changed at once: all Ready after', duration(performance.now() - begun))
  row('… all changed: spec → applied, p50 / p99', spread(applied))
  row('… all changed: spec → Ready, p50 / p99', spread(ready))
  row('memory afterwards (RSS; most)', rss(operator))
}

function rss(operator: OperatorProcess): string {
  return `${operator.rssMiB.toFixed(0)} MiB; ${operator.peakRssMiB.toFixed(0)} MiB`
}

const columns: { count: number; rows: Map<string, string> }[] = []
for (const count of counts.length > 0 ? counts : [100, 1000]) columns.push({ count, rows: await measure(count) })
console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}\n`)
console.log(`| connectors | ${columns.map(({ count }) => count.toLocaleString('en-US')).join(' | ')} |`)
console.log(`|---|${columns.map(() => '---').join('|')}|`)
for (const name of columns[0]?.rows.keys() ?? []) {
  console.log(`| ${name} | ${columns.map(({ rows }) => rows.get(name)).join(' | ')} |`)
}
process.exit(0)
