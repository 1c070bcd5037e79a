import { KAFKA_SECRETS_DIR, REVISIONS_DIR } from '../contract/names.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger } from '../lib/logger.ts'
import { GROUP_TASKS, type GroupTask, runGroupTask } from '../sink/group-task.ts'
import { connectionSecurity } from '../sink/kafka/connection-security.ts'
import { readRevision } from '../sink/revisions.ts'
import { SecretFiles } from '../sink/secret-files.ts'
import { type Command, FlagError, parseFlags, parseLogLevel, parseSeconds } from './command.ts'
import { endSoon } from './sink.ts'
import { CLIENT_ID } from './sink-parts.ts'

const USAGE = `Usage: analytics-connector group <task> --revision <revision> [flags]

Looks after the consumer group of a connector that has no sinks, as one short task:
  keep-offsets                commits its offsets again, so that Kafka does not forget them
  delete                      deletes it; refused while it has members

  --revision <name>           the connector's configuration (10 hexadecimal digits)
  --revisions-dir <folder>    default ${REVISIONS_DIR}
  --kafka-secrets-dir <folder>  default ${KAFKA_SECRETS_DIR}; used if the configuration says so
  --timeout <seconds>         tries so long; default 60s
  --log-level <level>         trace, debug, info, warn, error, silent; default info

Exit code 0: done, or nothing to do. 1: not done, the last log line says why. 2: wrong usage.
`

const OPTIONS = {
  revision: { type: 'string' },
  'revisions-dir': { type: 'string', default: REVISIONS_DIR },
  'kafka-secrets-dir': { type: 'string', default: KAFKA_SECRETS_DIR },
  timeout: { type: 'string', default: '60s' },
  'log-level': { type: 'string', default: 'info' },
} as const

const CONNECT_TIMEOUT_MS = 5_000
/** Longer than the broker lets a group wait for its first members (group.initial.rebalance.delay.ms, 3 s). */
const REQUEST_TIMEOUT_MS = 15_000

export const groupCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  const { task, revision, revisionsDir, kafkaSecretsDir, timeoutMs, logLevel } = groupFlags(args)
  const logger = createLogger(logLevel, { revision })
  const shutdown = abortOnSignals(process, (code) => process.exit(code))
  try {
    const { kafka, connector } = readRevision(revisionsDir, revision)
    const done = await runGroupTask(task, {
      ...kafka,
      connection: {
        clientId: CLIENT_ID,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        security: connectionSecurity(kafka, new SecretFiles(kafkaSecretsDir), systemClock),
        logger,
      },
      clock: systemClock,
      logger,
      ended: AbortSignal.any([shutdown, AbortSignal.timeout(timeoutMs)]),
    })
    logger.info({ connector }, done)
    return 0
  } catch (error) {
    // The last line of the log becomes the pod's termination message.
    logger.fatal({ error: describeError(error) }, `cannot ${task}`)
    return 1
  } finally {
    endSoon()
  }
}

interface GroupFlags {
  readonly task: GroupTask
  readonly revision: string
  readonly revisionsDir: string
  readonly kafkaSecretsDir: string
  readonly timeoutMs: number
  readonly logLevel: string
}

/** @throws FlagError */
function groupFlags(args: string[]): GroupFlags {
  const { values, positionals } = parseFlags({ args, allowPositionals: true, options: OPTIONS })
  const task = GROUP_TASKS.find((each) => each === positionals[0])
  if (!task || positionals.length > 1) throw new FlagError(`name one task: ${GROUP_TASKS.join(' or ')}`)
  if (!values.revision) throw new FlagError('--revision is required')
  return {
    task,
    revision: values.revision,
    revisionsDir: values['revisions-dir'],
    kafkaSecretsDir: values['kafka-secrets-dir'],
    timeoutMs: parseSeconds('--timeout', values.timeout),
    logLevel: parseLogLevel('--log-level', values['log-level']),
  }
}
