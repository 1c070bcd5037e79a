import { readFileSync } from 'node:fs'
import { createAuth } from '../admin/auth/create-auth.ts'
import { issuerRoutes } from '../admin/auth/issuer/routes.ts'
import { type AdminConfig, connectorNamespaceOf, parseAdminConfig } from '../admin/config.ts'
import { type KafkaSettings, kafkaTopics } from '../admin/kafka-topics.ts'
import { runAdmin } from '../admin/run-admin.ts'
import { TlsFiles } from '../admin/tls-files.ts'
import { HTTP_PORT, ID_COUNTER_NAME } from '../contract/names.ts'
import { HttpKubeApi } from '../kube/http-kube-api.ts'
import { requestCounter } from '../kube/request-counter.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import { createRegistry } from '../lib/metrics.ts'
import { type Command, parseFlags, parseLogLevel, parsePort } from './command.ts'
import { findCluster, KUBECONFIG_USAGE } from './find-cluster.ts'

const DEFAULT_CONFIG = '/etc/analytics-connector/admin.yaml'
const DEFAULT_PORT = 8443

const USAGE = `Usage: analytics-connector admin [flags]

Serves the REST API over the AnalyticsConnector resources. It keeps nothing of its own, so any number of them may run.

  --config <file>             the configuration, YAML; default ${DEFAULT_CONFIG}
  --listen-address <address>  default: all interfaces
  --port <port>               of the API; default ${DEFAULT_PORT}, 0 for any free one; TLS if the configuration has tls
  --health-port <port>        of /healthz, /readyz and /metrics; default ${HTTP_PORT}, 0 for any free one
  --kubeconfig <file>         default: ${KUBECONFIG_USAGE}
  --insecure-no-auth          let everybody do everything, without tokens: for a laptop
  --log-level <level>         trace, debug, info, warn, error, silent; default info

The API's description and a page to try it: /analytics-connector/apidocs/. SIGTERM or SIGINT: requests under way are answered, then
it ends. Exit code 0: told to stop. 1: cannot run, the last log line says why. 2: wrong usage.
`

const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG },
  'listen-address': { type: 'string', default: '' },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  'health-port': { type: 'string', default: String(HTTP_PORT) },
  kubeconfig: { type: 'string' },
  'insecure-no-auth': { type: 'boolean', default: false },
  'log-level': { type: 'string', default: 'info' },
} as const

interface AdminFlags {
  readonly config: string
  readonly listen: { readonly address: string; readonly port: number }
  readonly healthPort: number
  readonly kubeconfig: string | undefined
  readonly insecureNoAuth: boolean
  readonly logLevel: string
}

export const adminCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  const flags = adminFlags(args)
  const logger = createLogger(flags.logLevel)
  const shutdown = abortOnSignals(process, (code) => process.exit(code))
  try {
    await serve(flags, logger, shutdown)
    return 0
  } catch (error) {
    logger.fatal({ error: describeError(error) }, 'the REST API cannot run')
    return 1
  }
}

async function serve(flags: AdminFlags, logger: Logger, shutdown: AbortSignal): Promise<void> {
  const config = parseAdminConfig(readFileSync(flags.config, 'utf8'), flags.config)
  const access = await findCluster(flags.kubeconfig)
  const connectorNamespace = connectorNamespaceOf(config, access.namespace, flags.config)
  const kafkaSettings = atEachUse(() => kafkaSettingsOf(config))
  const registry = createRegistry()
  const api = new HttpKubeApi({
    access,
    userAgent: `analytics-connector-admin (${process.platform}/${process.arch}) node/${process.versions.node}`,
    onRequest: requestCounter(registry, new URL(access.server).host),
  })
  const auth = createAuth({
    config: authOf(flags, config),
    api,
    ownNamespace: access.namespace,
    ...secretOf(config),
    clock: systemClock,
    logger,
  })
  try {
    await runAdmin(
      {
        api,
        config,
        idCounter: { namespace: config.idCounterNamespace ?? access.namespace, name: ID_COUNTER_NAME },
        connectorNamespace,
        authenticator: auth.authenticator,
        issuer: auth.issuer && issuerRoutes(auth.issuer, logger),
        listTopics: kafkaTopics(kafkaSettings, systemClock),
        tls: config.tls && new TlsFiles(config.tls),
        listen: flags.listen,
        healthPort: flags.healthPort,
        registry,
        clock: systemClock,
        logger,
      },
      shutdown,
    )
  } finally {
    await Promise.all([auth.close(), api.close()])
  }
}

/** Nobody turns authentication off by leaving something out. */
function authOf({ insecureNoAuth, config: name }: AdminFlags, { auth }: AdminConfig) {
  if (insecureNoAuth) return 'off'
  if (auth) return auth
  throw new Error(`${name}: auth: is required: whose tokens are accepted (--insecure-no-auth goes without)`)
}

/** Reads files again whenever they are needed, as Secrets are renewed. Once here, so that the start tells of one that is missing. */
function atEachUse<T>(read: () => T): () => T {
  read()
  return read
}

function secretOf({ auth }: AdminConfig): { iamClientSecret?: () => string } {
  const path = auth?.iam?.clientSecretFile
  return path === undefined ? {} : { iamClientSecret: atEachUse(() => readFileSync(path, 'utf8').trim()) }
}

function kafkaSettingsOf({ kafka: { bootstrapServers, tls, sasl } }: AdminConfig): KafkaSettings {
  return {
    bootstrapServers,
    ...(tls ? { tls: tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile, 'utf8') } } : {}),
    ...(sasl
      ? {
          sasl: {
            mechanism: sasl.mechanism,
            username: sasl.username,
            password: readFileSync(sasl.passwordFile, 'utf8').trim(),
          },
        }
      : {}),
  }
}

/** @throws FlagError */
function adminFlags(args: string[]): AdminFlags {
  const { values } = parseFlags({ args, options: OPTIONS })
  return {
    config: values.config,
    listen: { address: values['listen-address'], port: parsePort('--port', values.port) },
    healthPort: parsePort('--health-port', values['health-port']),
    kubeconfig: values.kubeconfig,
    insecureNoAuth: values['insecure-no-auth'],
    logLevel: parseLogLevel('--log-level', values['log-level']),
  }
}
