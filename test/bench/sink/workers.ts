import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SINK_ENVIRONMENT } from '../../../src/contract/names.ts'
import type { SinkConfig } from '../../../src/contract/sink-config.ts'
import { SinkChild, storeRevision } from '../../support/sink-child.ts'
import { sinkConfig } from '../../support/sink-process.ts'
import { type Backlog, PARTITIONS } from './backlog.ts'
import type { Worker } from './measure.ts'
import type { Servers } from './servers.ts'

export interface Job {
  readonly servers: Servers
  readonly backlog: Backlog
  readonly bucket: string
  /** A folder for the configuration. */
  readonly dir: string
  /** Options of Node for the worker, beside those it has in a pod. */
  readonly nodeOptions: readonly string[]
}

const BUILT = fileURLToPath(new URL('../../../dist/bin/main.js', import.meta.url))

/** The sink as it runs in a pod, with everything on: group, routing by envelope and time, intents, conditional writes. */
export async function sinkWorker(job: Job, changes: Partial<SinkConfig>): Promise<Worker> {
  const config = { ...configOf(job), ...changes }
  const revision = await storeRevision(job.dir, config)
  const child = new SinkChild(
    ['--revision', revision, '--revisions-dir', job.dir],
    environment(job, SINK_ENVIRONMENT),
    BUILT,
  )
  return {
    pid: child.pid,
    progress: async () => {
      const ended = child.exitCode.then((code) => {
        throw new Error(`the sink has ended with code ${code}: ${child.log.at(-1)}`)
      })
      const { records, state, error } = await Promise.race([child.status(), ended])
      if (state === 'FAILED') throw new Error(`the sink has failed: ${error}`)
      return { read: records.read, done: records.delivered }
    },
    metrics: async () => (await child.get('/metrics')).text,
    end: async () => {
      child.kill('SIGTERM')
      await child.exitCode
    },
  }
}

/** What the sink is compared with: processes of their own, told in one argument what to do, that print their progress. */
export async function referenceWorker(
  file: 'plain-loop.ts' | 'stock-consumer.ts',
  job: Job,
  changes: Partial<SinkConfig> = {},
): Promise<Worker> {
  const program = fileURLToPath(new URL(file, import.meta.url))
  const task = JSON.stringify({ config: { ...configOf(job), ...changes }, partitions: PARTITIONS })
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', program, task], {
    env: { PATH: process.env.PATH, ...environment(job) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let latest = { read: 0, done: 0 }
  const exited = once(child, 'exit')
  createInterface({ input: child.stdout }).on('line', (line) => {
    latest = JSON.parse(line)
  })
  return {
    pid: child.pid ?? 0,
    progress: async () => {
      if (child.exitCode !== null) throw new Error(`${file} has ended with exit code ${child.exitCode}`)
      return latest
    },
    metrics: async () => '',
    end: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function configOf({ servers, backlog, bucket }: Job): SinkConfig {
  return sinkConfig({
    connector: 'bench/sink',
    filter: { acme: [backlog.topic] },
    kafka: {
      bootstrapServers: servers.kafkaBootstrapServers.split(','),
      groupId: `${bucket}-${Date.now().toString(36)}`,
      startFrom: 'earliest',
      epoch: 0,
    },
    s3: {
      bucketName: bucket,
      region: servers.s3.region,
      endpoint: servers.s3.endpoint,
      forcePathStyle: true,
      partSizeBytes: 5_242_880,
      credentials: 'default',
      requestChecksumCalculation: 'when_supported',
    },
    template: '{eventType}/{namespace}/{eventName}/year={yyyy}/month={MM}/day={dd}/hour={hh}/minute={mm}/{topic}.json',
    flush: { intervalMs: 3_000, events: 10_000, bytes: 32 * 1024 * 1024 },
    bufferBytes: 64 * 1024 * 1024,
  })
}

function environment({ servers, nodeOptions }: Job, pod: Partial<typeof SINK_ENVIRONMENT> = {}) {
  const { s3, authority } = servers
  return {
    ...pod,
    NODE_OPTIONS: [pod.NODE_OPTIONS ?? '', ...nodeOptions].join(' '),
    ...(authority === null ? {} : { NODE_EXTRA_CA_CERTS: authority }),
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
}
