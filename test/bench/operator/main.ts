/**
 * `npm run bench:operator [connectors …]`: how the operator does with so many connectors, on a real API server with real
 * controllers and simulated pods. Prints a table for docs/performance.md. Default: 100 and 1000.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { loadClusterAccess } from '../../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../../src/kube/http-kube-api.ts'
import { startControlPlane } from '../../stack/native/control-plane.ts'
import { guardFolder } from '../../stack/native/guard.ts'
import { kubernetesBinaries } from '../../stack/native/kubernetes-build.ts'
import { runCommand } from '../../stack/native/run-command.ts'
import { paths } from '../../stack/stack-folder.ts'
import { SimulatedNode } from '../../support/simulated-node.ts'
import { duration, spread } from '../figures.ts'
import { Connectors, NAMESPACE } from './connectors.ts'
import { OperatorProcess } from './operator-process.ts'

const IDLE_MS = 30_000
/** Before idleness is measured: the last status polls after a change. */
const SETTLE_MS = 12_000
const SINGLE_CHANGES = 50

const progress = (line: string) => process.stderr.write(`${line}\n`)

/** One column of the table: the same rows for every number of connectors. */
async function measure(count: number): Promise<[string, string][]> {
  const cluster = await startCluster()
  const rows: [string, string][] = []
  const row = (name: string, value: string) => {
    rows.push([name, value])
    progress(`${count}: ${name}: ${value}`)
  }
  try {
    const { connectors, node } = cluster
    let operator = await cluster.operator()
    const names = Array.from({ length: count }, (_, i) => `c${i}`)
    const begun = performance.now()
    const created = await connectors.change(names, 1)
    row('all created at once: all Ready after', duration(performance.now() - begun))
    row('… spec → applied, p50 / p99', spread(created.applied))
    row('… spec → Ready, p50 / p99', spread(created.ready))
    await delay(SETTLE_MS)
    const before = { ...(await operator.requests()), cpu: operator.cpuSeconds, asked: node.asked }
    await delay(IDLE_MS)
    const after = { ...(await operator.requests()), cpu: operator.cpuSeconds, asked: node.asked }
    row('idle: writes in 30 s', String(after.writes - before.writes))
    row('idle: CPU, of one core', `${(((after.cpu - before.cpu) / IDLE_MS) * 100_000).toFixed(1)} %`)
    row('idle: pods asked for their status, a second', ((after.asked - before.asked) / (IDLE_MS / 1000)).toFixed(0))
    row('idle: memory (RSS)', `${operator.rssMiB.toFixed(0)} MiB`)
    const single = await connectors.change(names.slice(0, SINGLE_CHANGES), 2, 1)
    const changed = await operator.requests()
    row('one change at a time: spec → applied, p50 / p99', spread(single.applied))
    row('… spec → status, p50 / p99', spread(single.told))
    row('… spec → Ready, p50 / p99', spread(single.ready))
    const changes = single.ready.length
    row(
      '… requests a change (of them writes)',
      `${per(after.all, changed.all, changes)} (${per(after.writes, changed.writes, changes)})`,
    )
    await operator.stop('SIGKILL')
    operator = await cluster.operator()
    row('restart → converged', duration(await operator.converged(count)))
    row('… writes of the restart', String((await operator.requests()).writes))
    const again = performance.now()
    const edited = await connectors.change(names, 3)
    row('all changed at once: all Ready after', duration(performance.now() - again))
    row('… spec → applied, p50 / p99', spread(edited.applied))
    row('… spec → Ready, p50 / p99', spread(edited.ready))
    row('memory afterwards (RSS)', `${operator.rssMiB.toFixed(0)} MiB`)
    return rows
  } finally {
    await cluster.close()
  }
}

function per(from: number, to: number, changes: number): string {
  return ((to - from) / changes).toFixed(1)
}

async function startCluster() {
  const dir = await mkdtemp(join(tmpdir(), 'operator-bench-'))
  guardFolder(dir)
  const bin = await kubernetesBinaries({ progress })
  await mkdir(join(dir, 'kubernetes'))
  const plane = await startControlPlane({
    ...{ bin, dir: join(dir, 'kubernetes'), nodeName: 'unused', crds: paths.crds },
    onUnexpectedExit: progress,
  })
  const kubeconfigPath = plane.adminKubeconfig
  await runCommand(join(bin, 'kubectl'), ['create', 'namespace', NAMESPACE], { env: { KUBECONFIG: kubeconfigPath } })
  const node = await SimulatedNode.start({ kubeconfigPath, name: 'simulated' })
  const api = new HttpKubeApi({ access: await loadClusterAccess({ kubeconfig: kubeconfigPath }), userAgent: 'bench' })
  const connectors = new Connectors(api, node.placement)
  connectors.follow()
  const configuration = join(dir, 'operator.yaml')
  await writeFile(configuration, JSON.stringify({ realm: 'dev', kafka: { bootstrapServers: ['nowhere:9092'] } }))
  const operators: OperatorProcess[] = []
  return {
    node,
    connectors,
    operator: async () => {
      const started = await OperatorProcess.start(kubeconfigPath, configuration)
      operators.push(started)
      return started
    },
    close: async () => {
      for (const operator of operators) await operator.stop('SIGKILL')
      await connectors.close()
      await api.close()
      await node.stop()
      await plane.stop()
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const counts = process.argv.slice(2).map(Number)
const columns: { count: number; rows: [string, string][] }[] = []
for (const count of counts.length > 0 ? counts : [100, 1000]) columns.push({ count, rows: await measure(count) })
const names = columns[0]?.rows.map(([name]) => name) ?? []
console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}\n`)
console.log(`| connectors | ${columns.map(({ count }) => count.toLocaleString('en-US')).join(' | ')} |`)
console.log(`|---|${columns.map(() => '---').join('|')}|`)
for (const [i, name] of names.entries()) {
  console.log(`| ${name} | ${columns.map(({ rows }) => rows[i]?.[1]).join(' | ')} |`)
}
process.exit(0)
