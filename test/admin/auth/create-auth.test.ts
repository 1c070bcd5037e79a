import { expect, it, onTestFinished } from 'vitest'
import { authConfigSchema } from '../../../src/admin/auth/config.ts'
import { createAuth } from '../../../src/admin/auth/create-auth.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { answerJson, serveJson } from '../../kube/json-server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SecretsApi } from './issuer/secrets-api.ts'
import { anIssuerKey, claims, ISSUER, signed } from './tokens.ts'

/** An IAM service that is down, which tells from a 401 that it was asked at all. */
async function auth(config: object | 'off', answers = { status: 503, body: {} as unknown }) {
  const { origin } = await serveJson((_asked, response) => answerJson(response, answers.status, answers.body))
  const parsed =
    config === 'off' ? config : authConfigSchema.parse(JSON.parse(JSON.stringify(config).replace('ORIGIN', origin)))
  const api = new SecretsApi()
  const made = createAuth({
    config: parsed,
    api,
    ownNamespace: 'own',
    clock: new FakeClock(),
    logger: createLogger('silent'),
  })
  onTestFinished(() => made.close())
  const statusOf = (token?: string) =>
    made.authenticator.authenticate(token && `Bearer ${token}`).then(
      () => 200,
      ({ status, message }: { status: number; message: string }) => `${status} ${message}`,
    )
  return { ...made, api, statusOf }
}

it('hands each token to those who can verify it, and refuses others', async () => {
  const key = await anIssuerKey()
  const iam = { url: 'ORIGIN', issuer: ISSUER }
  const { statusOf, issuer } = await auth({ iam, builtIn: {}, kubernetes: {} })
  expect(issuer).toBeDefined()
  expect(await statusOf(await signed(key))).toBe('503 the keys of the token issuer cannot be read at the moment')
  const ours = await signed(key, claims({ iss: 'analytics-connector' }))
  expect(await statusOf(ours)).toBe('401 the token is signed with a key that its issuer does not publish')
  expect(await statusOf('opaque')).toContain('401')
  expect(await statusOf()).toContain('401 send an access token')
})

it('without Kubernetes refuses what is of no issuer that it knows', async () => {
  const { statusOf } = await auth({ builtIn: {} })
  expect(await statusOf('opaque')).toBe('401 the token is from another issuer')
})

it('has an issuer only where the configuration says so', async () => {
  expect((await auth({ kubernetes: {} })).issuer).toBeUndefined()
})

it('lets everybody in only where authentication is off', async () => {
  expect(await (await auth('off')).statusOf()).toBe(200)
})
