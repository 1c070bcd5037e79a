import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { resolveSinkConfig } from '../contract/resolve.ts'
import type { AnalyticsConnector } from '../contract/resource.ts'
import { revisionOf, type SinkConfig } from '../contract/sink-config.ts'
import { isConnectorManifest, validateManifest } from '../contract/validate.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger } from '../lib/logger.ts'
import { createRegistry } from '../lib/metrics.ts'
import { operatorConfigSchema } from '../operator/config.ts'
import { readRevision } from '../sink/revisions.ts'
import { runSink } from '../sink/run-sink.ts'
import { Sink } from '../sink/sink.ts'
import { manifestDocuments } from './manifest-documents.ts'
import { showProgress } from './progress.ts'
import { endSoon, parseSeconds } from './sink.ts'
import { DEFAULT_SESSION_TIMEOUT_SECONDS, sinkParts } from './sink-parts.ts'

const USAGE = `Usage: analytics-connector run <manifest.yaml> [flags]

Runs one connector from its manifest, without Kubernetes: the way to try one on a laptop. Shows its progress; Ctrl-C writes
and commits what was read and ends. AWS credentials come from the environment, a profile or the machine's role.

  --kafka-bootstrap-servers <host:port,…>  default KAFKA_BOOTSTRAP_SERVERS; for a manifest without spec.kafka.bootstrapServers
  --realm <realm>              value of {realm} in topic names and paths; default dev
  --revisions-dir <folder>     where configurations are kept, to finish what an earlier run began; default below XDG_STATE_HOME
  --drain-timeout <seconds>    longest time from Ctrl-C to the end; default 60s
  --log-level <level>          trace, debug, info, warn, error; default: no log, only progress

The connector is named local/<name>: unless spec.kafka.groupId says otherwise it has a consumer group of its own, beside
that of the same manifest in a cluster. Exit code 0: drained. 1: cannot run. 2: wrong usage or manifest.
`

/** A manifest or a flag that cannot be used. The message is for the person who typed the command. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** `analytics-connector run`; returns the exit code. */
export async function runCommand(args: string[]): Promise<number> {
  try {
    const flags = parseFlags(args)
    if (flags === null) {
      process.stdout.write(USAGE)
      return 0
    }
    const connector = await readManifest(flags.manifest)
    const config = configOf(connector, flags)
    await storeRevision(flags.revisionsDir, config)
    const shutdown = abortOnSignals(process, (code) => process.exit(code))
    await runOnTerminal(config, flags, shutdown)
    return 0
  } catch (error) {
    process.stderr.write(
      `analytics-connector run: ${error instanceof UsageError ? error.message : describeError(error)}\n`,
    )
    return error instanceof UsageError ? 2 : 1
  } finally {
    endSoon()
  }
}

async function runOnTerminal(config: SinkConfig, flags: RunFlags, shutdown: AbortSignal): Promise<void> {
  const parts = sinkParts({
    config,
    readRevision: (revision) => readRevision(flags.revisionsDir, revision),
    credentialsDir: '',
    sessionTimeoutMs: DEFAULT_SESSION_TIMEOUT_SECONDS * 1000,
    clock: systemClock,
    logger: createLogger(flags.logLevel),
    registry: createRegistry(),
  })
  const sink = new Sink(parts)
  const { bucketName } = config.s3
  process.stdout.write(
    `${config.connector}: Kafka ${config.kafka.bootstrapServers} → bucket ${bucketName}; Ctrl-C ends\n`,
  )
  const endProgress = showProgress(() => sink.status(), process.stdout)
  try {
    await runSink(sink, parts, shutdown, flags.drainTimeoutMs)
  } finally {
    endProgress()
  }
}

interface RunFlags {
  readonly manifest: string
  readonly bootstrapServers: readonly string[]
  readonly realm: string
  readonly revisionsDir: string
  readonly drainTimeoutMs: number
  readonly logLevel: string
}

/** @returns null when help was asked for */
function parseFlags(args: string[]): RunFlags | null {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        'kafka-bootstrap-servers': { type: 'string', default: process.env.KAFKA_BOOTSTRAP_SERVERS ?? '' },
        realm: { type: 'string', default: 'dev' },
        'revisions-dir': { type: 'string', default: defaultRevisionsDir() },
        'drain-timeout': { type: 'string', default: '60s' },
        'log-level': { type: 'string', default: 'silent' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return null
    const [manifest, ...others] = positionals
    if (manifest === undefined || others.length > 0) throw new Error('name one manifest')
    return {
      manifest,
      bootstrapServers: values['kafka-bootstrap-servers'].split(',').filter((server) => server !== ''),
      realm: values.realm,
      revisionsDir: values['revisions-dir'],
      drainTimeoutMs: parseSeconds('--drain-timeout', values['drain-timeout']) * 1000,
      logLevel: values['log-level'],
    }
  } catch (error) {
    throw new UsageError(`${describeError(error)}\n\n${USAGE}`)
  }
}

function defaultRevisionsDir(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  return join(state, 'analytics-connector', 'revisions')
}

async function readManifest(path: string): Promise<AnalyticsConnector> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(describeError(error))
  })
  const connectors = manifestDocuments(text).filter(({ content }) => isConnectorManifest(content))
  const [only] = connectors
  if (only === undefined || connectors.length > 1)
    throw new UsageError(`${path} holds ${connectors.length} AnalyticsConnectors, not one`)
  const { connector, problems } = validateManifest(only.content)
  if (connector !== undefined) return connector
  throw new UsageError(problems.map(({ path: field, message }) => `${path}: ${field}: ${message}`).join('\n'))
}

function configOf({ metadata, spec }: AnalyticsConnector, flags: RunFlags): SinkConfig {
  const servers = spec.kafka?.bootstrapServers ?? flags.bootstrapServers
  if (servers.length === 0)
    throw new UsageError('which Kafka? --kafka-bootstrap-servers or spec.kafka.bootstrapServers')
  const defaults = operatorConfigSchema.safeParse({ realm: flags.realm, kafka: { bootstrapServers: servers } })
  if (!defaults.success)
    throw new UsageError(defaults.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`).join('\n'))
  const { realm, kafka, topicPatterns } = defaults.data
  const config = resolveSinkConfig({ namespace: 'local', name: metadata.name, spec }, { realm, kafka, topicPatterns })
  // There is no Secret outside of a cluster.
  return { ...config, s3: { ...config.s3, credentials: 'default' } }
}

/** So that an interrupted write leaves no half of a file under the name of a whole one. */
async function storeRevision(dir: string, config: SinkConfig): Promise<void> {
  const path = join(dir, `${revisionOf(config)}.json`)
  await mkdir(dir, { recursive: true })
  await writeFile(`${path}.${process.pid}`, JSON.stringify(config))
  await rename(`${path}.${process.pid}`, path)
}
