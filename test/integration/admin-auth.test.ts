import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { fastify } from 'fastify'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { authConfigSchema } from '../../src/admin/auth/config.ts'
import { createAuth } from '../../src/admin/auth/create-auth.ts'
import { issuerRoutes } from '../../src/admin/auth/issuer/routes.ts'
import { loadClusterAccess } from '../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { PROGRAM } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { apply, kubectl } from '../support/kubectl.ts'

const CONNECTOR = 'ADMIN:ANALYTICS:CONNECTOR'
const stack = connectStack(inject('stack'))
const namespace = `auth-${randomBytes(4).toString('hex')}`

beforeAll(async () => {
  await kubectl(stack, ['create', 'namespace', namespace])
})
afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
})

async function auth(config: object) {
  const access = await loadClusterAccess({ kubeconfig: stack.kubeconfigPath })
  const api = new HttpKubeApi({ access, userAgent: 'test' })
  const logger = createLogger('silent')
  const made = createAuth({
    config: authConfigSchema.parse(config),
    api,
    ownNamespace: namespace,
    clock: systemClock,
    logger,
  })
  onTestFinished(async () => {
    await made.close()
    await api.close()
  })
  return made
}

async function clients(...args: string[]): Promise<string> {
  const flags = ['--kubeconfig', stack.kubeconfigPath, '-n', namespace]
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'clients', ...args, ...flags])
  return stdout
}

test('a client that is made on the command line gets a token; when it is deleted, the token is void', async () => {
  const { authenticator, issuer } = await auth({ builtIn: {} })
  if (issuer === undefined) throw new Error('no issuer')
  const server = fastify()
  server.register(issuerRoutes(issuer, createLogger('silent')))

  const printed = await clients(
    'create',
    '--permission',
    `${CONNECTOR} [READ,UPDATE]`,
    '--permission',
    'ADMIN:ROLE=READ',
  )
  const [, id = '', secret = ''] = /^client_id: (\S+)\nclient_secret: (\S+)\n$/.exec(printed) ?? []
  expect(await clients('list')).toMatch(new RegExp(`^${id} .*${CONNECTOR}=READ,UPDATE  ADMIN:ROLE=READ\n$`))
  const answer = await server.inject({
    method: 'POST',
    url: '/iam/v3/oauth/token',
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: 'grant_type=client_credentials',
  })
  expect(answer.statusCode).toBe(200)
  const authorization = `Bearer ${answer.json().access_token}`
  const caller = await authenticator.authenticate(authorization)
  expect(await caller.allows(CONNECTOR, 'UPDATE')).toBe(true)
  expect(await caller.allows(CONNECTOR, 'DELETE')).toBe(false)

  await clients('delete', id)
  await expect.poll(() => authenticator.authenticate(authorization).catch(({ status }) => status)).toBe(401)
  expect(await clients('list')).toBe('')
  await expect(clients('delete', id)).rejects.toThrow(`there is no client "${id}"`)
  const stored = await kubectl(stack, ['get', 'secrets', '-n', namespace, '-o', 'yaml'])
  expect(stored).not.toContain(secret)
})

test('a service account may do what RBAC says, for all connectors or for a game namespace', async () => {
  const rule = (resource: string, verbs: string[], resourceNames?: string[]) => ({
    apiGroups: ['analytics-connector.io'],
    resources: [resource],
    verbs,
    ...(resourceNames ? { resourceNames } : {}),
  })
  await apply(stack, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: namespace },
    rules: [rule('analyticsconnectors', ['get', 'create']), rule('gamenamespaces', ['get', 'update'], ['acme'])],
  })
  onTestFinished(async () => {
    await kubectl(stack, ['delete', 'clusterrole,clusterrolebinding', namespace])
  })
  const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
  await inNamespace('create', 'serviceaccount', 'caller')
  await inNamespace(
    'create',
    'clusterrolebinding',
    namespace,
    `--clusterrole=${namespace}`,
    `--serviceaccount=${namespace}:caller`,
  )
  const token = (await inNamespace('create', 'token', 'caller')).trim()

  const { authenticator } = await auth({ builtIn: {}, kubernetes: {} })
  const caller = await authenticator.authenticate(`Bearer ${token}`)
  expect(caller.subject).toBe(`system:serviceaccount:${namespace}:caller`)
  const ofGame = (name: string) => `ADMIN:NAMESPACE:${name}:ANALYTICS:CONNECTOR`
  const allowed = await Promise.all([
    caller.allows(CONNECTOR, 'READ'),
    caller.allows(CONNECTOR, 'CREATE'),
    caller.allows(CONNECTOR, 'DELETE'),
    caller.allows(ofGame('acme'), 'READ'),
    caller.allows(ofGame('acme'), 'UPDATE'),
    caller.allows(ofGame('acme'), 'CREATE'),
    caller.allows(ofGame('other'), 'READ'),
    caller.allows(ofGame('*'), 'READ'),
  ])
  expect(allowed).toEqual([true, true, false, true, true, false, false, false])

  await expect(authenticator.authenticate(`Bearer ${token}x`)).rejects.toMatchObject({ status: 401 })
  const { authenticator: strict } = await auth({ kubernetes: { audiences: ['analytics'] } })
  await expect(strict.authenticate(`Bearer ${token}`)).rejects.toMatchObject({ status: 401 })
  const forUs = (await inNamespace('create', 'token', 'caller', '--audience=analytics')).trim()
  expect((await strict.authenticate(`Bearer ${forUs}`)).subject).toBe(caller.subject)
})
