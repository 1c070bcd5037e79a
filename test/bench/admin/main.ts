/**
 * `npm run bench:admin [connectors]`: latency and rate of the REST API's reads on a real API server. Prints a table for
 * docs/performance.md. Default: 1000 connectors.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { startControlPlane } from '../../stack/native/control-plane.ts'
import { guardFolder } from '../../stack/native/guard.ts'
import { kubernetesBinaries } from '../../stack/native/kubernetes-build.ts'
import { paths } from '../../stack/stack-folder.ts'
import { percentile } from '../figures.ts'
import { AdminProcess } from './admin-process.ts'

/** Each row is measured so often, for so long; the table has the medians. */
const ROUNDS = 3
const ROUND_MS = 4_000
const WARM_UP_MS = 1_000
const CLIENTS = [1, 16]
const BASE = '/analytics-connector/v1/admin/connectors'

interface Round {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
}

const count = Number(process.argv[2] ?? 1_000)
const progress = (line: string) => process.stderr.write(`${line}\n`)

async function startServers() {
  const dir = await mkdtemp(join(tmpdir(), 'admin-bench-'))
  guardFolder(dir)
  const bin = await kubernetesBinaries({ progress })
  await mkdir(join(dir, 'kubernetes'))
  const plane = await startControlPlane({
    ...{ bin, dir: join(dir, 'kubernetes'), nodeName: 'unused', crds: paths.crds },
    onUnexpectedExit: progress,
  })
  const configuration = join(dir, 'admin.yaml')
  const perClient = { perSecond: 100_000, burst: 1_000_000 }
  const config = { realm: 'dev', kafka: { bootstrapServers: ['nowhere:9092'] }, rateLimits: { perClient } }
  await writeFile(configuration, JSON.stringify(config))
  const admin = await AdminProcess.start(plane.adminKubeconfig, configuration)
  const pool = new Pool(admin.origin, { connections: Math.max(...CLIENTS) })
  return {
    pool,
    close: async () => {
      await pool.close()
      await admin.stop()
      await plane.stop()
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** @returns the ids of the connectors */
async function createAll(pool: Pool): Promise<number[]> {
  const body = JSON.stringify({
    connectorName: 'bench',
    connectorType: 'SINK',
    storageType: 'KAFKA_S3',
    config: { bucketName: 'acme-events', region: 'us-west-2', eventType: 'game_telemetry', flushSize: '100' },
    filter: { acme: ['analytics_game_telemetry.dev.acme.gameStarted'] },
  })
  const ids: number[] = []
  let left = count
  const worker = async () => {
    while (left-- > 0) {
      const headers = { 'content-type': 'application/json' }
      const answer = await pool.request({ method: 'POST', path: BASE, headers, body })
      if (answer.statusCode !== 201) throw new Error(`POST answers ${answer.statusCode}: ${await answer.body.text()}`)
      ids.push(((await answer.body.json()) as { id: number }).id)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return ids
}

/** So many clients, each sending its next request when the one before is answered. */
async function load(pool: Pool, clients: number, durationMs: number, path: () => string): Promise<Round> {
  const latenciesMs: number[] = []
  const begun = performance.now()
  const client = async () => {
    for (let now = begun; now - begun < durationMs; ) {
      const { statusCode, body } = await pool.request({ method: 'GET', path: path() })
      await body.dump({ limit: 1 << 30 })
      if (statusCode !== 200) throw new Error(`GET answers ${statusCode}`)
      const answered = performance.now()
      latenciesMs.push(answered - now)
      now = answered
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - begun) / 1000
  return {
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    perSecond: latenciesMs.length / seconds,
  }
}

async function measure(pool: Pool, clients: number, path: () => string): Promise<Round> {
  await load(pool, clients, WARM_UP_MS, path)
  const rounds: Round[] = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await load(pool, clients, ROUND_MS, path))
  const median = (of: (round: Round) => number) => percentile(rounds.map(of), 0.5)
  return { p50Ms: median((r) => r.p50Ms), p99Ms: median((r) => r.p99Ms), perSecond: median((r) => r.perSecond) }
}

const servers = await startServers()
try {
  const begun = performance.now()
  const ids = await createAll(servers.pool)
  progress(`${count} created, 16 at a time: ${(count / ((performance.now() - begun) / 1000)).toFixed(0)} a second`)
  const anId = () => ids[Math.floor(Math.random() * ids.length)]
  const calls: [string, () => string][] = [
    ['GET /connectors', () => BASE],
    ['GET /connectors/{id}', () => `${BASE}/${anId()}`],
    ['GET /connectors/{id}/status', () => `${BASE}/${anId()}/status`],
  ]
  const rows: string[] = []
  for (const [name, path] of calls) {
    for (const clients of CLIENTS) {
      const { p50Ms, p99Ms, perSecond } = await measure(servers.pool, clients, path)
      rows.push(`| ${name} | ${clients} | ${p50Ms.toFixed(1)} ms | ${p99Ms.toFixed(1)} ms | ${perSecond.toFixed(0)} |`)
      progress(rows.at(-1) ?? '')
    }
  }
  console.log(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${count} connectors, Kubernetes 1.34.4\n`,
  )
  console.log('| call | clients | p50 | p99 | requests a second |')
  console.log('|---|---|---|---|---|')
  for (const row of rows) console.log(row)
} finally {
  await servers.close()
}
process.exit(0)
