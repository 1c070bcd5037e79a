import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { createAuth } from '../../src/admin/auth/create-auth.ts'
import { Clients } from '../../src/admin/auth/issuer/clients.ts'
import { ISSUER_SECRETS } from '../../src/admin/auth/issuer/issuer.ts'
import { issuerRoutes } from '../../src/admin/auth/issuer/routes.ts'
import { parseAdminConfig } from '../../src/admin/config.ts'
import { createApp } from '../../src/admin/run-admin.ts'
import { ID_COUNTER_NAME } from '../../src/contract/names.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { adminConfiguration } from '../stack/env-file.ts'
import { connectStack } from '../stack/remote.ts'
import { bothConfined } from '../support/both-confined.ts'
import { type Call, recording, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'
import { connector } from '../support/manifests.ts'
import {
  type Confined,
  permissionsOf,
  permissionsOfConfinedAdmin,
  signInAsAdmin,
  signInConfinedAdmin,
} from '../support/permissions.ts'

const stack = connectStack(inject('stack'))
const namespace = `admin-permissions-${randomBytes(4).toString('hex')}`
const logger = createLogger(process.env.LOG_LEVEL ?? 'silent')
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  // The operator would give the id that the API is to give.
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  // The Secrets of deploy/admin are empty at first, and the counter of ids is not there.
  const leftovers = [
    'delete',
    'secret',
    ...Object.values(ISSUER_SECRETS),
    '-n',
    OPERATOR_NAMESPACE,
    '--ignore-not-found',
  ]
  await kubectl(stack, leftovers)
  await kubectl(stack, ['delete', 'configmap', ID_COUNTER_NAME, '-n', OPERATOR_NAMESPACE, '--ignore-not-found'])
})
afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

test('the rights of deploy/admin are what the REST API uses: none is missing, none is never used', async () => {
  await usesWhatItHas()
})

test('so are those of deploy/admin/namespace and deploy/admin/namespaces, which have none in any other', async () => {
  await bothConfined(stack, namespace, usesWhatItHas)
})

/** @param confined undefined: as deploy/admin has it, in every namespace */
async function usesWhatItHas(confined?: Confined): Promise<void> {
  const { home, watched } = confined ?? { home: OPERATOR_NAMESPACE, watched: namespace }
  const access = confined ? await signInConfinedAdmin(stack, confined) : await signInAsAdmin(stack)
  const http = new HttpKubeApi({ access, userAgent: 'test' })
  const calls: Call[] = []
  const api = recording(http, calls)
  const config = {
    ...parseAdminConfig(adminConfiguration(stack), 'admin.yaml'),
    ...(confined ? { watchNamespaces: [watched] } : {}),
  }
  if (config.auth === undefined) throw new Error('no auth')
  const clock = systemClock
  const auth = createAuth({ config: config.auth, api, ownNamespace: home, clock, logger })
  const app = createApp({
    api,
    config,
    idCounter: { namespace: home, name: ID_COUNTER_NAME },
    connectorNamespace: watched,
    authenticator: auth.authenticator,
    issuer: auth.issuer && issuerRoutes(auth.issuer, logger),
    listTopics: async () => [],
    listen: { address: '127.0.0.1', port: 0 },
    healthPort: 0,
    registry: new Registry(),
    clock,
    logger,
  })
  onTestFinished(async () => {
    await app.close()
    await auth.close()
    await http.close()
  })

  // As `clients create` does in the pod.
  const clients = new Clients(api, { namespace: home, name: ISSUER_SECRETS.clients })
  const client = await clients.create([{ resource: 'ADMIN:ANALYTICS:CONNECTOR', actions: 15 }], clock.now())
  const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
  const form = { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' }
  const post = (path: string, payload: string) =>
    app.inject({ method: 'POST', url: `/iam/v3/oauth/${path}`, headers: form, payload })
  const token = (await post('token', 'grant_type=client_credentials')).json().access_token
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object) => {
    const headers = { authorization: `Bearer ${token}` }
    const url = `/analytics-connector/v1/admin${path}`
    const answer = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    expect([path, answer.statusCode, answer.body]).toEqual([path, expect.toBeOneOf([200, 201]), expect.anything()])
    return answer.json()
  }

  const { spec } = connector(stack, { name: 'x', namespace: watched, bucketName: 'nowhere', filter: { acme: ['*'] } })
  const { storageType, config: fields, filter } = spec
  const created = await call('POST', '/connectors', {
    connectorName: 'made-here',
    connectorType: 'SINK',
    storageType,
    config: fields,
    filter,
  })
  // One of kubectl's, which has no id yet.
  const other = { name: 'made-elsewhere', namespace: watched, bucketName: 'nowhere', filter: { acme: ['*'] } }
  await apply(stack, connector(stack, { ...other, spec: { active: false } }))
  const names = (await call('GET', '/connectors')).map((each: { connectorName: string }) => each.connectorName)
  expect(names).toEqual(expect.arrayContaining([created.connectorName, 'made-elsewhere']))
  await call('PUT', `/connectors/${created.id}`, { config: { flushSize: 5 } })
  await call('GET', `/connectors/${created.id}/status`)
  await call('DELETE', `/connectors/${created.id}`)
  expect((await post('revoke', `token=${token}`)).statusCode).toBe(200)

  expect(calls.filter(({ status }) => status === 401 || status === 403)).toEqual([])
  const used = new Set(calls.map(({ verb, resource }) => `${verb} ${resource}`))
  const permissions = confined ? permissionsOfConfinedAdmin(stack, confined) : permissionsOf(stack, 'admin')
  const rules = (await permissions).flatMap((each) => each.rules ?? [])
  const granted = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  )
  expect([...used].sort()).toEqual([...new Set(granted)].sort())
  if (confined) await expect(http.list(CONNECTORS, { namespace: 'default' })).rejects.toThrow('forbidden')
}
