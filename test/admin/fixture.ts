import { Registry } from 'prom-client'
import { ApiError } from '../../src/admin/api-error.ts'
import type { Authenticator } from '../../src/admin/auth/authenticator.ts'
import { type AdminConfig, adminConfigSchema } from '../../src/admin/config.ts'
import { type AdminOptions, createApp } from '../../src/admin/run-admin.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import type { Connector } from '../../src/kube/connector-ids.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryKubeApi } from '../support/memory-kube-api.ts'

export const V1 = '/analytics-connector/v1/admin'
export const V2 = '/analytics-connector/v2/admin/namespaces/acme'

/** The body of POST as the guide shows it. */
export const NEW_CONNECTOR = {
  connectorName: 'game-events',
  connectorType: 'SINK',
  storageType: 'KAFKA_S3',
  config: {
    bucketName: 'acme-events',
    region: 'us-west-2',
    customPath: '{eventType}/realm/{realm}/topics/{topic}/year={yyyy}/{topic}.json',
    customPartitionDuration: '900000',
    partSize: '5242880',
    flushInterval: '15',
    eventType: 'justice_event',
    flushSize: '100',
  },
  filter: { acme: ['analytics_justice_event.dev.acme.login'] },
}

/** Tokens are words: `all` may do everything, `read` may read, `acme` may do everything in the namespace acme. */
const authenticator: Authenticator = {
  authenticate: async (authorization) => {
    const word = authorization?.replace('Bearer ', '')
    if (!word || !['all', 'read', 'acme'].includes(word)) {
      throw new ApiError('unauthorized', 'the token is not valid', { headers: { 'www-authenticate': 'Bearer' } })
    }
    return {
      subject: word,
      allows: async (resource, action) =>
        word === 'all' ||
        (word === 'read' && action === 'READ') ||
        (word === 'acme' && resource === 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR'),
    }
  },
}

interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  readonly url: string
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The whole API on a Kubernetes API server in memory. */
export function anAdmin(config: Partial<AdminConfig> = {}, options: Partial<AdminOptions> = {}) {
  const clock = new FakeClock()
  const api = new MemoryKubeApi(() => clock.now())
  const app = createApp({
    api: api as unknown as KubeApi,
    config: {
      ...adminConfigSchema.parse({ realm: 'dev', kafka: { bootstrapServers: ['kafka:9092'] } }),
      roleArn: 'arn:aws:iam::123456789012:role/connector',
      ...config,
    },
    idCounter: { namespace: 'install', name: 'ids' },
    connectorNamespace: 'games',
    authenticator,
    listTopics: async () => ['analytics_game_telemetry.dev.acme.gameStarted', 'unrelated'],
    listen: { address: '127.0.0.1', port: 0 },
    healthPort: 0,
    registry: new Registry(),
    clock,
    logger: createLogger('silent'),
    ...options,
  })
  const send = async ({ method = 'GET', url, token = 'all', body, headers = {} }: Request) => {
    const isText = typeof body === 'string'
    const answer = await app.inject({
      method,
      url,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) }),
    })
    const text = answer.body
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string | undefined>,
      text,
      json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined,
    }
  }
  /** Made by POST. */
  const create = async (change: object = {}) => {
    const { json } = await send({ method: 'POST', url: `${V1}/connectors`, body: { ...NEW_CONNECTOR, ...change } })
    return json as { id: number; connectorName: string }
  }
  /** The connector with this name as it is stored. */
  const stored = (name: string) => api.peek(CONNECTORS, { namespace: 'games', name }) as Connector
  return { app, api, clock, send, create, stored }
}
