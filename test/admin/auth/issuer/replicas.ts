import { type FastifyInstance, fastify } from 'fastify'
import type { JSONWebKeySet } from 'jose'
import { beforeEach, expect } from 'vitest'
import { authConfigSchema } from '../../../../src/admin/auth/config.ts'
import { Clients } from '../../../../src/admin/auth/issuer/clients.ts'
import { ISSUER_SECRETS, Issuer } from '../../../../src/admin/auth/issuer/issuer.ts'
import { issuerRoutes } from '../../../../src/admin/auth/issuer/routes.ts'
import type { TokenAuthenticator } from '../../../../src/admin/auth/token-authenticator.ts'
import { createLogger } from '../../../../src/lib/logger.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { SecretsApi } from './secrets-api.ts'

export const CONNECTOR = 'ADMIN:ANALYTICS:CONNECTOR'
export const MINUTE_MS = 60_000
export const FORM = 'grant_type=client_credentials'

export interface Replica {
  readonly server: FastifyInstance
  readonly authenticator: TokenAuthenticator
}

interface Credentials {
  readonly id: string
  readonly secret: string
}

/** Of the test that runs: a client that may do everything to connectors, and two replicas of the issuer on the same Secrets. */
export let api: SecretsApi
export let clock: FakeClock
export let clients: Clients
export let client: Credentials
export let one: Replica
export let two: Replica

/** To be called once by a file of tests. */
export function onReplicas(): void {
  beforeEach(async () => {
    api = new SecretsApi()
    clock = new FakeClock()
    clients = new Clients(api, { namespace: 'n', name: ISSUER_SECRETS.clients })
    client = await clients.create([{ resource: CONNECTOR, actions: 15 }], clock.now())
    one = replica()
    two = replica()
  })
}

export function replica(secrets = api): Replica {
  const config = authConfigSchema.parse({ builtIn: {} }).builtIn
  if (config === undefined) throw new Error('no config')
  const issuer = new Issuer({ api: secrets, namespace: 'n', config, clock, logger: createLogger('silent') })
  const server = fastify()
  server.register(issuerRoutes(issuer, createLogger('silent')))
  return { server, authenticator: issuer.authenticator() }
}

export const basic = ({ id, secret }: Credentials) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

export function post(path: string, payload: string, headers: Record<string, string> = {}, { server } = one) {
  return server.inject({
    method: 'POST',
    url: `/iam/v3/oauth/${path}`,
    payload,
    headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
}

export async function aToken(replica = one, as = client): Promise<string> {
  const answer = await post('token', FORM, { authorization: basic(as) }, replica)
  expect(answer.statusCode).toBe(200)
  return answer.json().access_token
}

export async function keySet({ server } = one): Promise<JSONWebKeySet> {
  return (await server.inject('/iam/v3/oauth/jwks')).json()
}

export async function accepts(token: string, { authenticator } = one): Promise<boolean> {
  return authenticator.authenticate(`Bearer ${token}`).then(
    () => true,
    (error: { status: number }) => {
      expect(error.status).toBe(401)
      return false
    },
  )
}
