import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CA_FILE, KAFKA_SECRET_FILES } from '../contract/names.ts'
import { problemsOf } from '../contract/problems.ts'
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
import { type Command, FlagError, parseFlags, parseLogLevel, parseSeconds, UsageError } from './command.ts'
import { type ManifestDocument, manifestDocuments, manifestText } from './manifest-documents.ts'
import { showProgress } from './progress.ts'
import { endSoon } from './sink.ts'
import { DEFAULT_SESSION_TIMEOUT_SECONDS, sinkParts } from './sink-parts.ts'

const USAGE = `Usage: analytics-connector run <manifest.yaml> [flags]

Runs one connector from its manifest, without Kubernetes: the way to try one on a laptop. Shows its progress; Ctrl-C writes
and commits what was read and ends. AWS credentials come from the environment, a profile or the machine's role.

  --kafka-bootstrap-servers <host:port,…>  default KAFKA_BOOTSTRAP_SERVERS; for a manifest without spec.kafka.bootstrapServers
  --kafka-secrets-dir <folder> files for spec.kafka.tls and .sasl: ${Object.values(KAFKA_SECRET_FILES).join(', ')}
  --s3-authorities-dir <folder> file for spec.config.tls: ${CA_FILE}
  --realm <realm>              value of {realm} in topic names and paths; default dev
  --revisions-dir <folder>     where configurations are kept, to finish what an earlier run began; default below XDG_STATE_HOME
  --drain-timeout <seconds>    longest time from Ctrl-C to the end; default 60s
  --log-level <level>          trace, debug, info, warn, error; default: no log, only progress

The connector is named local/<name>: unless spec.kafka.groupId says otherwise it has a consumer group of its own, beside
that of the same manifest in a cluster. Exit code 0: drained. 1: cannot run, or not everything that was promised is written.
2: wrong usage or manifest.
`

const OPTIONS = {
  'kafka-bootstrap-servers': { type: 'string' },
  'kafka-secrets-dir': { type: 'string', default: '.' },
  's3-authorities-dir': { type: 'string', default: '.' },
  realm: { type: 'string', default: 'dev' },
  'revisions-dir': { type: 'string' },
  'drain-timeout': { type: 'string', default: '60s' },
  'log-level': { type: 'string', default: 'silent' },
} as const

export const runCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  try {
    const flags = runFlags(args)
    const connector = await readManifest(flags.manifest)
    const config = configOf(connector, flags)
    await storeRevision(flags.revisionsDir, config)
    const shutdown = abortOnSignals(process, (code) => process.exit(code))
    return (await runOnTerminal(config, flags, shutdown)) ? 0 : 1
  } finally {
    endSoon()
  }
}

/** @returns whether everything that was promised is written */
async function runOnTerminal(config: SinkConfig, flags: RunFlags, shutdown: AbortSignal): Promise<boolean> {
  const parts = sinkParts({
    config,
    readRevision: (revision) => readRevision(flags.revisionsDir, revision),
    // Those of every connector that was ever run here: none of them stands in this one's way.
    checkRevisions: () => {},
    credentialsDir: '',
    s3AuthoritiesDir: flags.s3AuthoritiesDir,
    kafkaSecretsDir: flags.kafkaSecretsDir,
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
    return await runSink(sink, parts, shutdown, flags.drainTimeoutMs)
  } finally {
    endProgress()
  }
}

interface RunFlags {
  readonly manifest: string
  readonly bootstrapServers: readonly string[]
  readonly s3AuthoritiesDir: string
  readonly kafkaSecretsDir: string
  readonly realm: string
  readonly revisionsDir: string
  readonly drainTimeoutMs: number
  readonly logLevel: string
}

/** @throws FlagError */
function runFlags(args: string[]): RunFlags {
  const { values, positionals } = parseFlags({ args, allowPositionals: true, options: OPTIONS })
  const [manifest, ...others] = positionals
  if (manifest === undefined || others.length > 0) throw new FlagError('name one manifest')
  const bootstrapServers = values['kafka-bootstrap-servers'] ?? process.env.KAFKA_BOOTSTRAP_SERVERS ?? ''
  return {
    manifest,
    bootstrapServers: bootstrapServers.split(',').filter((server) => server !== ''),
    s3AuthoritiesDir: values['s3-authorities-dir'],
    kafkaSecretsDir: values['kafka-secrets-dir'],
    realm: values.realm,
    revisionsDir: values['revisions-dir'] ?? defaultRevisionsDir(),
    drainTimeoutMs: parseSeconds('--drain-timeout', values['drain-timeout']),
    logLevel: parseLogLevel('--log-level', values['log-level']),
  }
}

function defaultRevisionsDir(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  return join(state, 'analytics-connector', 'revisions')
}

async function readManifest(path: string): Promise<AnalyticsConnector> {
  const connectors = (await documentsOf(path)).filter(({ content }) => isConnectorManifest(content))
  const [only] = connectors
  if (only === undefined || connectors.length > 1)
    throw new UsageError(`${path} holds ${connectors.length} AnalyticsConnectors, not one`)
  const { connector, problems } = validateManifest(only.content)
  if (connector !== undefined) return connector
  throw new UsageError(problems.map(({ path: field, message }) => `${path}: ${field}: ${message}`).join('\n'))
}

async function documentsOf(path: string): Promise<ManifestDocument[]> {
  try {
    return manifestDocuments(manifestText(await readFile(path)))
  } catch (error) {
    throw new UsageError(`${path}: ${describeError(error)}`)
  }
}

function configOf({ metadata, spec }: AnalyticsConnector, flags: RunFlags): SinkConfig {
  const servers = spec.kafka?.bootstrapServers ?? flags.bootstrapServers
  if (servers.length === 0)
    throw new UsageError('which Kafka? --kafka-bootstrap-servers or spec.kafka.bootstrapServers')
  const given = { realm: flags.realm, kafka: { bootstrapServers: servers } }
  const defaults = operatorConfigSchema.safeParse(given, { reportInput: true })
  if (!defaults.success) {
    const problems = problemsOf(defaults.error, operatorConfigSchema)
    throw new UsageError(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  }
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
