import { Registry } from 'prom-client'
import { stringify } from 'yaml'
import { ID_COUNTER_NAME } from '../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import type { ClusterAccess } from '../../src/kube/cluster-access.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { type Kind, type KubeObject, keyOf } from '../../src/kube/kinds.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { createLogger, type Logger } from '../../src/lib/logger.ts'
import { type OperatorConfig, parseOperatorConfig } from '../../src/operator/config.ts'
import { runOperator } from '../../src/operator/run-operator.ts'
import type { Stack } from '../stack/stack.ts'
import { OPERATOR_NAMESPACE } from './install-operator.ts'
import { kubectl } from './kubectl.ts'
import { signInAsOperator } from './permissions.ts'
import { StatusWrites } from './status/status-writes.ts'

const DEPLOYMENT = 'deployment/analytics-connector-operator'
/** An image that no stack has: pods are made and never run, which is enough where only objects count. */
const NO_IMAGE = 'no-such-image:1'

/** A call as an authorizer sees it. */
export interface Call {
  readonly verb: string
  /** Plural of the kind, with its subresource. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly status: number
}

const WRITES = new Set(['create', 'patch', 'update', 'delete'])

/** The calls that change something, but for Events and the lease. */
export function writesOf(calls: readonly Call[]): string[] {
  return calls
    .filter(({ verb, resource }) => WRITES.has(verb) && resource !== 'events' && resource !== 'leases')
    .map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)
}

/**
 * Passes calls on and writes them down.
 * @param streamingLists false: refuses them, as a server before 1.32 does
 */
export function recording(api: KubeApi, calls: Call[], streamingLists = true): KubeApi {
  const note = (
    verb: string,
    { plural }: Kind<KubeObject>,
    ref: { namespace?: string; name?: string },
    status: number,
  ) => void calls.push({ verb, resource: plural, namespace: ref.namespace, name: ref.name, status })
  const noted = async <T>(
    verb: string,
    kind: Kind<KubeObject>,
    ref: { namespace?: string; name?: string },
    call: Promise<T>,
  ) => {
    try {
      const answer = await call
      note(verb, kind, ref, 200)
      return answer
    } catch (error) {
      note(verb, kind, ref, error instanceof KubeApiError ? error.status : -1)
      throw error
    }
  }
  const withSubresource = (kind: Kind<KubeObject>, subresource: string | undefined) =>
    subresource ? { ...kind, plural: `${kind.plural}/${subresource}` } : kind
  return {
    get: (kind, ref) => noted('get', kind, ref, api.get(kind, ref)),
    list: (kind, scope, page) => noted('list', kind, scope, api.list(kind, scope, page)),
    async *watch(kind, options, signal) {
      if (options.sendInitialEvents && !streamingLists) throw new KubeApiError(422, 'Invalid', 'no streaming lists')
      note('watch', kind, options, 200)
      yield* api.watch(kind, options, signal)
    },
    apply: (kind, object, options) =>
      noted(
        'patch',
        withSubresource(kind, options.subresource),
        object.metadata ?? {},
        api.apply(kind, object, options),
      ),
    create: (kind, object, options) => noted('create', kind, object.metadata ?? {}, api.create(kind, object, options)),
    patch: (kind, ref, patch, options) => noted('patch', kind, ref, api.patch(kind, ref, patch, options)),
    replace: (kind, object) => noted('update', kind, object.metadata ?? {}, api.replace(kind, object)),
    delete: (kind, ref, preconditions) => noted('delete', kind, ref, api.delete(kind, ref, preconditions)),
  }
}

/** Passes calls on and judges every status that the server accepts. */
function judging(api: KubeApi, statuses: StatusWrites): KubeApi {
  return {
    get: (kind, ref) => api.get(kind, ref),
    list: (kind, scope, page) => api.list(kind, scope, page),
    watch: (kind, options, signal) => api.watch(kind, options, signal),
    create: (kind, object, options) => api.create(kind, object, options),
    patch: (kind, ref, patch, options) => api.patch(kind, ref, patch, options),
    replace: (kind, object) => api.replace(kind, object),
    delete: (kind, ref, preconditions) => api.delete(kind, ref, preconditions),
    apply: async (kind, object, options) => {
      const answer = await api.apply(kind, object, options)
      const { metadata, status } = answer as unknown as AnalyticsConnector
      if (options.subresource === 'status' && status) {
        statuses.note(`${keyOf(answer)} ${metadata.uid}`, metadata.generation ?? 0, status)
      }
      return answer
    },
  }
}

export interface OperatorSettings {
  /** Default: what deploy/base gives it, and nothing else. */
  readonly access?: ClusterAccess
  readonly config?: Partial<OperatorConfig>
  readonly lease?: { readonly namespace: string; readonly name: string }
  readonly identity?: string
  readonly sinkImage?: string
  readonly streamingLists?: boolean
  readonly clock?: Clock
  /** Default: silent, or of the level in LOG_LEVEL, by which a person who looks into a failed test gets to see it. */
  readonly logger?: Logger
  /** Whether another operator writes to the same connectors, so that its own writes alone do not make sense. */
  readonly isOneOfTwo?: boolean
  /** Put between the operator and what is recorded of its calls. */
  readonly wrap?: (api: KubeApi) => KubeApi
}

export interface RunningOperator {
  readonly calls: Call[]
  /** How it ended. */
  readonly outcome: Promise<'stopped' | 'lost'>
  /** Ends it. @throws Error when a status that it wrote broke a rule */
  stop(): Promise<void>
}

/** The operator in this process, against the stack's API server. */
export async function startOperator(stack: Stack, settings: OperatorSettings = {}): Promise<RunningOperator> {
  const access = settings.access ?? (await signInAsOperator(stack))
  const api = new HttpKubeApi({ access, userAgent: 'test' })
  const calls: Call[] = []
  const statuses = new StatusWrites()
  const { wrap = (each) => each } = settings
  const base = stringify({ realm: 'dev', kafka: { bootstrapServers: stack.inPod.kafkaBootstrapServers.split(',') } })
  const stop = new AbortController()
  const outcome = runOperator(
    {
      api: judging(recording(wrap(api), calls, settings.streamingLists), statuses),
      config: { ...parseOperatorConfig(base, 'test'), ...settings.config },
      sinkImage: async () => settings.sinkImage ?? NO_IMAGE,
      idCounter: { namespace: access.namespace, name: ID_COUNTER_NAME },
      listen: { address: '127.0.0.1', port: 0 },
      lease: settings.lease,
      identity: settings.identity ?? 'test',
      registry: new Registry(),
      clock: settings.clock ?? systemClock,
      logger: settings.logger ?? createLogger(process.env.LOG_LEVEL ?? 'silent'),
    },
    stop.signal,
  ).finally(() => api.close())
  // Whoever needs the reason awaits it; until then it must not end the test run.
  outcome.catch(() => {})
  return {
    calls,
    outcome,
    stop: async () => {
      stop.abort()
      await outcome
      if (!settings.isOneOfTwo) statuses.verify()
    },
  }
}

/** Ends the operator that other tests have installed, which would do the same work. `restore` brings it back. */
export async function withoutInstalledOperator(stack: Stack): Promise<{ restore: () => Promise<void> }> {
  const scale = (replicas: number) =>
    kubectl(stack, ['scale', DEPLOYMENT, `--replicas=${replicas}`, '-n', OPERATOR_NAMESPACE])
  const found = await kubectl(stack, ['get', DEPLOYMENT, '-n', OPERATOR_NAMESPACE, '--ignore-not-found', '-o', 'name'])
  if (found === '') return { restore: async () => {} }
  await scale(0)
  const selector = 'app.kubernetes.io/component=operator'
  await kubectl(stack, ['wait', '--for=delete', 'pod', '-l', selector, '-n', OPERATOR_NAMESPACE, '--timeout=60s'])
  return { restore: async () => void (await scale(2)) }
}
