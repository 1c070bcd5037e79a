import { Registry } from 'prom-client'
import type { Authenticator } from '../../src/admin/auth/authenticator.ts'
import { adminConfigSchema } from '../../src/admin/config.ts'
import { kafkaTopics } from '../../src/admin/kafka-topics.ts'
import { runAdmin } from '../../src/admin/run-admin.ts'
import { ID_COUNTER_NAME } from '../../src/contract/names.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import type { Stack } from '../stack/stack.ts'
import { signInAsAdmin } from './permissions.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect of it
  readonly json: any
}

export interface RunningAdmin {
  readonly origin: string
  /** @param path behind `/analytics-connector/v1/admin`, or a whole one that begins with `/analytics-connector` */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  stop(): Promise<void>
}

const EVERYBODY: Authenticator = {
  authenticate: async () => ({ subject: 'test', allows: async () => true }),
}

/** One replica of the REST API in this process, with a connection of its own to the stack's API server and the rights of deploy/admin. Everybody may do everything. */
export async function startAdmin(stack: Stack, namespace: string): Promise<RunningAdmin> {
  const access = await signInAsAdmin(stack)
  const api = new HttpKubeApi({ access, userAgent: 'test' })
  const bootstrapServers = stack.kafkaBootstrapServers.split(',')
  const config = adminConfigSchema.parse({
    realm: 'dev',
    kafka: { bootstrapServers },
    rateLimits: { perClient: { perSecond: 100_000, burst: 100_000 } },
    shutdownDelaySeconds: 0,
  })
  const stop = new AbortController()
  const listening = Promise.withResolvers<number>()
  const ended = runAdmin(
    {
      api,
      config,
      idCounter: { namespace: access.namespace, name: ID_COUNTER_NAME },
      connectorNamespace: namespace,
      authenticator: EVERYBODY,
      listTopics: kafkaTopics(() => ({ bootstrapServers }), systemClock),
      listen: { address: '127.0.0.1', port: 0 },
      healthPort: 0,
      registry: new Registry(),
      clock: systemClock,
      logger: createLogger(process.env.LOG_LEVEL ?? 'silent'),
    },
    stop.signal,
    ({ port }) => listening.resolve(port),
  ).finally(() => api.close())
  ended.catch(listening.reject)
  const origin = `http://127.0.0.1:${await listening.promise}`
  return {
    origin,
    call: async (method, path, body, headers = {}) => {
      const url = path.startsWith('/analytics-connector') ? path : `/analytics-connector/v1/admin${path}`
      const answer = await fetch(origin + url, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, headers: answer.headers, json: await answer.json() }
    },
    stop: async () => {
      stop.abort()
      await ended
    },
  }
}
