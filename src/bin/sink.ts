import { parseArgs } from 'node:util'
import { HTTP_PORT, REVISIONS_DIR, S3_CREDENTIALS_DIR } from '../contract/names.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { serveHttp } from '../lib/http-server.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger } from '../lib/logger.ts'
import { createRegistry } from '../lib/metrics.ts'
import { readRevision } from '../sink/revisions.ts'
import { runSink, sinkRoutes } from '../sink/run-sink.ts'
import { Sink } from '../sink/sink.ts'
import { DEFAULT_SESSION_TIMEOUT_SECONDS, sinkParts } from './sink-parts.ts'

const USAGE = `Usage: analytics-connector sink --revision <revision> [flags]

Copies one connector's events from Kafka to S3 until it is told to stop. The configuration is <revision>.json in the
revisions folder; the other files there are read to finish what a sink of an earlier revision began.

  --revision <name>           the revision to run (10 hexadecimal digits)
  --revisions-dir <folder>    default ${REVISIONS_DIR}
  --credentials-dir <folder>  default ${S3_CREDENTIALS_DIR}; used if the configuration says so
  --listen-address <address>  default: all interfaces
  --port <port>               of /status, /metrics, /healthz and /readyz; default ${HTTP_PORT}, 0 for any free one
  --drain-timeout <seconds>   longest time from SIGTERM to the end, such as 25 or 25s; default 25s
  --session-timeout <seconds> Kafka gives the partitions of a sink that died to others after this; default ${DEFAULT_SESSION_TIMEOUT_SECONDS}s
  --log-level <level>         trace, debug, info, warn, error, silent; default info

SIGTERM or SIGINT: everything read is written and committed, then the group is left. A second one ends it at once: the
next sink finishes what was begun. Exit code 0: drained. 1: cannot run, the last log line says why. 2: wrong usage.
`

const OPTIONS = {
  revision: { type: 'string' },
  'revisions-dir': { type: 'string', default: REVISIONS_DIR },
  'credentials-dir': { type: 'string', default: S3_CREDENTIALS_DIR },
  'listen-address': { type: 'string', default: '' },
  port: { type: 'string', default: String(HTTP_PORT) },
  'drain-timeout': { type: 'string', default: '25s' },
  'session-timeout': { type: 'string', default: `${DEFAULT_SESSION_TIMEOUT_SECONDS}` },
  'log-level': { type: 'string', default: 'info' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface SinkFlags {
  readonly revision: string
  readonly revisionsDir: string
  readonly credentialsDir: string
  readonly listenAddress: string
  readonly port: number
  readonly drainTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly logLevel: string
}

/** `analytics-connector sink`; returns the exit code. */
export async function sinkCommand(args: string[]): Promise<number> {
  const flags = parseFlags(args)
  if (typeof flags === 'string') {
    const isHelp = flags === ''
    process[isHelp ? 'stdout' : 'stderr'].write(isHelp ? USAGE : `analytics-connector sink: ${flags}\n\n${USAGE}`)
    return isHelp ? 0 : 2
  }
  const logger = createLogger(flags.logLevel, { revision: flags.revision })
  const shutdown = abortOnSignals(process, (code) => process.exit(code))
  try {
    await serveSink(flags, logger, shutdown)
    return 0
  } catch (error) {
    // The last line of the log becomes the pod's termination message.
    logger.fatal({ error: describeError(error) }, 'the sink cannot run')
    return 1
  } finally {
    endSoon()
  }
}

async function serveSink(flags: SinkFlags, logger: ReturnType<typeof createLogger>, shutdown: AbortSignal) {
  const config = readRevision(flags.revisionsDir, flags.revision)
  const parts = sinkParts({
    config,
    readRevision: (revision) => readRevision(flags.revisionsDir, revision),
    credentialsDir: flags.credentialsDir,
    sessionTimeoutMs: flags.sessionTimeoutMs,
    clock: systemClock,
    logger,
    registry: createRegistry({ connector: config.connector }),
  })
  const sink = new Sink(parts)
  const http = await serveHttp(flags.listenAddress, flags.port, sinkRoutes(sink, parts))
  logger.info({ connector: config.connector, port: http.port }, 'sink started')
  try {
    await runSink(sink, parts, shutdown, flags.drainTimeoutMs)
  } finally {
    await http.close()
  }
}

/** @returns what is wrong with the flags; empty when help was asked for */
function parseFlags(args: string[]): SinkFlags | string {
  try {
    const { values } = parseArgs({ args, options: OPTIONS })
    if (values.help) return ''
    if (!values.revision) return '--revision is required'
    return {
      revision: values.revision,
      revisionsDir: values['revisions-dir'],
      credentialsDir: values['credentials-dir'],
      listenAddress: values['listen-address'],
      port: parsePort(values.port),
      drainTimeoutMs: parseSeconds('--drain-timeout', values['drain-timeout']) * 1000,
      sessionTimeoutMs: parseSeconds('--session-timeout', values['session-timeout']) * 1000,
      logLevel: values['log-level'],
    }
  } catch (error) {
    return describeError(error)
  }
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`--port must be 0 to 65535, not "${text}"`)
}

/** @throws Error naming the flag unless `text` is a number of seconds, with or without `s` */
export function parseSeconds(flag: string, text: string): number {
  const seconds = /^(\d{1,6}(?:\.\d+)?)s?$/.exec(text)?.[1]
  if (seconds === undefined) throw new Error(`${flag} must be a number of seconds such as 25 or 25s, not "${text}"`)
  return Number(seconds)
}

/** Everything is closed by now. Should a connection to a server that does not answer still be open, it must not keep the pod. */
export function endSoon(): void {
  setTimeout(() => process.exit(), 2_000).unref()
}
