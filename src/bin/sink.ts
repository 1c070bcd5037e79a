import { setFlagsFromString } from 'node:v8'
import {
  HTTP_PORT,
  KAFKA_SECRETS_DIR,
  REVISIONS_DIR,
  S3_AUTHORITIES_DIR,
  S3_CREDENTIALS_DIR,
} from '../contract/names.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { serveHttp } from '../lib/http-server.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger } from '../lib/logger.ts'
import { createRegistry } from '../lib/metrics.ts'
import { checkRevisions, readRevision } from '../sink/revisions.ts'
import { runSink, sinkRoutes } from '../sink/run-sink.ts'
import { Sink } from '../sink/sink.ts'
import { DEFAULT_STALLED_AFTER_MS } from '../sink/stall-watch.ts'
import { type Command, FlagError, parseFlags, parseLogLevel, parsePort, parseSeconds } from './command.ts'
import { DEFAULT_SESSION_TIMEOUT_SECONDS, sinkParts } from './sink-parts.ts'

const USAGE = `Usage: analytics-connector sink --revision <revision> [flags]

Copies one connector's events from Kafka to S3 until it is told to stop. The configuration is <revision>.json in the
revisions folder; the other files there are read to finish what a sink of an earlier revision began.

  --revision <name>           the revision to run (10 hexadecimal digits)
  --revisions-dir <folder>    default ${REVISIONS_DIR}
  --credentials-dir <folder>  default ${S3_CREDENTIALS_DIR}; used if the configuration says so
  --s3-authorities-dir <folder>  default ${S3_AUTHORITIES_DIR}; used likewise
  --kafka-secrets-dir <folder>  default ${KAFKA_SECRETS_DIR}; used likewise
  --listen-address <address>  default: all interfaces
  --port <port>               of /status, /metrics, /healthz and /readyz; default ${HTTP_PORT}, 0 for any free one
  --drain-timeout <seconds>   longest time from SIGTERM to the end, such as 25 or 25s; default 25s
  --session-timeout <seconds> Kafka gives the partitions of a sink that died to others after this; default ${DEFAULT_SESSION_TIMEOUT_SECONDS}s
  --stalled-after <seconds>   end with exit code 1 when records wait and none was read for so long, for no known reason; default ${DEFAULT_STALLED_AFTER_MS / 1000}s
  --log-level <level>         trace, debug, info, warn, error, silent; default info

SIGTERM or SIGINT: everything read is written and committed, then the group is left. A second one ends it at once: the
next sink finishes what was begun. Exit code 0: drained. 1: cannot run, or not everything that was promised is written; the last log line says
why. 2: wrong usage.
`

const OPTIONS = {
  revision: { type: 'string' },
  'revisions-dir': { type: 'string', default: REVISIONS_DIR },
  'credentials-dir': { type: 'string', default: S3_CREDENTIALS_DIR },
  's3-authorities-dir': { type: 'string', default: S3_AUTHORITIES_DIR },
  'kafka-secrets-dir': { type: 'string', default: KAFKA_SECRETS_DIR },
  'listen-address': { type: 'string', default: '' },
  port: { type: 'string', default: String(HTTP_PORT) },
  'drain-timeout': { type: 'string', default: '25s' },
  'session-timeout': { type: 'string', default: `${DEFAULT_SESSION_TIMEOUT_SECONDS}` },
  'stalled-after': { type: 'string', default: `${DEFAULT_STALLED_AFTER_MS / 1000}s` },
  'log-level': { type: 'string', default: 'info' },
} as const

/**
 * V8 lets a heap of 30 MiB with hundreds of writes a second grow to 120 MiB before it collects the old generation: what a write
 * leaves has lived too long for the young one.
 */
const HEAP_GROWING_PERCENT = 50

interface SinkFlags {
  readonly revision: string
  readonly revisionsDir: string
  readonly credentialsDir: string
  readonly s3AuthoritiesDir: string
  readonly kafkaSecretsDir: string
  readonly listenAddress: string
  readonly port: number
  readonly drainTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly stalledAfterMs: number
  readonly logLevel: string
}

export const sinkCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const flags = sinkFlags(args)
  const logger = createLogger(flags.logLevel, { revision: flags.revision })
  const shutdown = abortOnSignals(process, (code) => process.exit(code))
  try {
    return (await serveSink(flags, logger, shutdown)) ? 0 : 1
  } catch (error) {
    // The last line of the log becomes the pod's termination message.
    logger.fatal({ error: describeError(error) }, 'the sink cannot run')
    return 1
  } finally {
    endSoon()
  }
}

/** @returns whether everything that was promised is written */
async function serveSink(flags: SinkFlags, logger: ReturnType<typeof createLogger>, shutdown: AbortSignal) {
  const config = readRevision(flags.revisionsDir, flags.revision)
  const parts = sinkParts({
    config,
    readRevision: (revision) => readRevision(flags.revisionsDir, revision),
    checkRevisions: () => checkRevisions(flags.revisionsDir, logger),
    credentialsDir: flags.credentialsDir,
    s3AuthoritiesDir: flags.s3AuthoritiesDir,
    kafkaSecretsDir: flags.kafkaSecretsDir,
    sessionTimeoutMs: flags.sessionTimeoutMs,
    stalledAfterMs: flags.stalledAfterMs,
    clock: systemClock,
    logger,
    registry: createRegistry({ connector: config.connector }),
  })
  const sink = new Sink(parts)
  const http = await serveHttp(flags.listenAddress, flags.port, sinkRoutes(sink, parts))
  logger.info({ connector: config.connector, port: http.port }, 'sink started')
  try {
    return await runSink(sink, parts, shutdown, flags.drainTimeoutMs)
  } finally {
    await http.close()
  }
}

/** @throws FlagError */
function sinkFlags(args: string[]): SinkFlags {
  const { values } = parseFlags({ args, options: OPTIONS })
  if (!values.revision) throw new FlagError('--revision is required')
  return {
    revision: values.revision,
    revisionsDir: values['revisions-dir'],
    credentialsDir: values['credentials-dir'],
    s3AuthoritiesDir: values['s3-authorities-dir'],
    kafkaSecretsDir: values['kafka-secrets-dir'],
    listenAddress: values['listen-address'],
    port: parsePort('--port', values.port),
    drainTimeoutMs: parseSeconds('--drain-timeout', values['drain-timeout']),
    sessionTimeoutMs: parseSeconds('--session-timeout', values['session-timeout']),
    stalledAfterMs: parseSeconds('--stalled-after', values['stalled-after']),
    logLevel: parseLogLevel('--log-level', values['log-level']),
  }
}

/** Everything is closed by now. Should a connection to a server that does not answer still be open, it must not keep the pod. */
export function endSoon(): void {
  setTimeout(() => process.exit(), 2_000).unref()
}
