import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { HTTP_PORT, ID_COUNTER_NAME } from '../contract/names.ts'
import { HttpKubeApi } from '../kube/http-kube-api.ts'
import { requestCounter } from '../kube/request-counter.ts'
import { systemClock } from '../lib/clock.ts'
import { describeError } from '../lib/errors.ts'
import { abortOnSignals } from '../lib/lifecycle.ts'
import { createLogger } from '../lib/logger.ts'
import { createRegistry } from '../lib/metrics.ts'
import { type OperatorConfig, parseOperatorConfig } from '../operator/config.ts'
import { keepHeapSmall } from '../operator/heap.ts'
import { type OwnImageOptions, ownImage } from '../operator/own-image.ts'
import { runOperator } from '../operator/run-operator.ts'
import { type Command, parseBoolean, parseFlags, parseLogLevel, parsePort } from './command.ts'
import { findCluster, KUBECONFIG_USAGE } from './find-cluster.ts'

const DEFAULT_CONFIG = '/etc/analytics-connector/operator.yaml'
const LEASE_NAME = 'analytics-connector-operator'

const USAGE = `Usage: analytics-connector operator [flags]

Turns every AnalyticsConnector into running sink pods and reports what they say. Several may run; one leads.

  --config <file>             the operator's configuration, YAML; default ${DEFAULT_CONFIG}
  --sink-image <image>        image of the sink pods; default: sinkImage of the configuration, else
                              that of the operator's own pod
  --listen-address <address>  default: all interfaces
  --port <port>               of /healthz, /readyz and /metrics; default ${HTTP_PORT}, 0 for any free one
  --kubeconfig <file>         default: ${KUBECONFIG_USAGE}
  --leader-elect <bool>       wait to be the one leader before acting; default true
  --lease-namespace <name>    default: the namespace of the pod, or of the kubeconfig's context
  --log-level <level>         trace, debug, info, warn, error, silent; default info

Exit code 0: told to stop. 1: cannot run, or lost the leader lease; the last log line says why. 2: wrong usage.
`

const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG },
  'sink-image': { type: 'string' },
  'listen-address': { type: 'string', default: '' },
  port: { type: 'string', default: String(HTTP_PORT) },
  kubeconfig: { type: 'string' },
  'leader-elect': { type: 'string', default: 'true' },
  'lease-namespace': { type: 'string' },
  'log-level': { type: 'string', default: 'info' },
} as const

interface OperatorFlags {
  readonly config: string
  readonly sinkImage: string | undefined
  readonly listen: { readonly address: string; readonly port: number }
  readonly kubeconfig: string | undefined
  readonly leaderElect: boolean
  readonly leaseNamespace: string | undefined
  readonly logLevel: string
}

export const operatorCommand: Command = { usage: USAGE, run }

async function run(args: string[]): Promise<number> {
  keepHeapSmall()
  const flags = operatorFlags(args)
  const logger = createLogger(flags.logLevel)
  const shutdown = abortOnSignals(process, (code) => process.exit(code))
  try {
    const outcome = await serve(flags, logger, shutdown)
    // Whoever lost the lease may not act any more, nor wait in the dark: the process begins anew.
    return outcome === 'lost' ? 1 : 0
  } catch (error) {
    logger.fatal({ error: describeError(error) }, 'the operator cannot run')
    return 1
  }
}

async function serve(flags: OperatorFlags, logger: ReturnType<typeof createLogger>, shutdown: AbortSignal) {
  const config = parseOperatorConfig(readFileSync(flags.config, 'utf8'), flags.config)
  const access = await findCluster(flags.kubeconfig)
  const registry = createRegistry()
  const api = new HttpKubeApi({
    access,
    userAgent: `analytics-connector-operator (${process.platform}/${process.arch}) node/${process.versions.node}`,
    onRequest: requestCounter(registry, new URL(access.server).host),
  })
  const pod = process.env.POD_NAME ?? hostname()
  const ownPod = { api, pod: { namespace: access.namespace, name: pod }, clock: systemClock, logger }
  const lease = { namespace: flags.leaseNamespace ?? access.namespace, name: LEASE_NAME }
  try {
    return await runOperator(
      {
        api,
        config,
        sinkImage: (signal) => findImage(flags, config, ownPod, signal),
        idCounter: { namespace: config.idCounterNamespace ?? access.namespace, name: ID_COUNTER_NAME },
        listen: flags.listen,
        lease: flags.leaderElect ? lease : undefined,
        // A pod that is restarted keeps its name, so the name alone does not tell two processes apart.
        identity: `${pod}_${randomBytes(4).toString('hex')}`,
        registry,
        clock: systemClock,
        logger,
      },
      shutdown,
    )
  } finally {
    await api.close()
  }
}

/** The image that a flag or the configuration names, else that of this very pod. */
async function findImage(
  flags: OperatorFlags,
  config: OperatorConfig,
  ownPod: OwnImageOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const image = flags.sinkImage ?? config.sinkImage ?? (await ownImage(ownPod, signal))
  if (image || signal.aborted) return image
  throw new Error(`no image for the sink pods: give --sink-image, or sinkImage in ${flags.config}`)
}

/** @throws FlagError */
function operatorFlags(args: string[]): OperatorFlags {
  const { values } = parseFlags({ args, options: OPTIONS })
  return {
    config: values.config,
    sinkImage: values['sink-image'],
    listen: { address: values['listen-address'], port: parsePort('--port', values.port) },
    kubeconfig: values.kubeconfig,
    leaderElect: parseBoolean('--leader-elect', values['leader-elect']),
    leaseNamespace: values['lease-namespace'],
    logLevel: parseLogLevel('--log-level', values['log-level']),
  }
}
