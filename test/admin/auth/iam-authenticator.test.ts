import type { ServerResponse } from 'node:http'
import { beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { bloomFilterOf, fingerprintOf } from '../../../src/admin/auth/bloom-filter.ts'
import { authConfigSchema } from '../../../src/admin/auth/config.ts'
import { iamAuthenticator } from '../../../src/admin/auth/iam-authenticator.ts'
import { type RevocationList, writeRevocationList } from '../../../src/admin/auth/revocation-list.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { type Asked, answerJson, serveJson } from '../../kube/json-server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { anIssuerKey, claims, ISSUER, type IssuerKey, signed } from './tokens.ts'

const CONNECTOR = 'ADMIN:ANALYTICS:CONNECTOR'
const SECRET = 's3cr3t'
let first: IssuerKey
let second: IssuerKey
let iam: {
  keys: unknown[]
  revoked: RevocationList
  roles: Record<string, unknown>
  isDown: boolean
  /** Something else answers for roles. */
  isReplaced: boolean
  tokens: number
  secret: string
}

beforeAll(async () => {
  first = await anIssuerKey('first')
  second = await anIssuerKey('second')
})
beforeEach(() => {
  iam = {
    keys: [first.publicJwk],
    revoked: { tokens: bloomFilterOf([]), users: new Map() },
    roles: {},
    isDown: false,
    isReplaced: false,
    tokens: 0,
    secret: SECRET,
  }
})

function answer(asked: Asked, response: ServerResponse): void {
  if (asked.url === '/iam/v3/oauth/revocationlist' && !iam.isDown) {
    response.writeHead(200).end(writeRevocationList(iam.revoked))
    return
  }
  const [status, body] = iam.isDown ? [503, {}] : answerOf(asked)
  answerJson(response, status, body)
}

function answerOf({ url, headers, body }: Asked): [status: number, body: unknown] {
  if (url === '/iam/v3/oauth/jwks') return [200, { keys: iam.keys }]
  if (url === '/iam/v3/oauth/token') {
    const basic = `Basic ${Buffer.from(`us:${iam.secret}`).toString('base64')}`
    const isGood = headers.authorization === basic && body === 'grant_type=client_credentials'
    return isGood ? [200, { access_token: `ours-${++iam.tokens}`, expires_in: 3_600 }] : [401, {}]
  }
  if (headers.authorization !== `Bearer ours-${iam.tokens}`) return [401, {}]
  if (iam.isReplaced) return [200, {}]
  const permissions = iam.roles[url.replace('/iam/v3/admin/roles/', '')]
  return permissions === undefined ? [404, {}] : [200, { permissions }]
}

async function authenticator(withClient = true) {
  const { origin, asked } = await serveJson(answer)
  const clock = new FakeClock()
  const client = withClient ? { clientId: 'us', clientSecretFile: '/secret' } : {}
  const config = authConfigSchema.parse({ iam: { url: `${origin}/iam/`, issuer: ISSUER, ...client } }).iam
  if (config === undefined) throw new Error('no config')
  const clientSecret = withClient ? () => iam.secret : undefined
  const { authenticator, close } = iamAuthenticator({ config, clientSecret, clock, logger: createLogger('silent') })
  onTestFinished(close)
  const paths = () => asked.map(({ url }) => url.replace('/iam/v3/', ''))
  return { clock, asked, paths, authenticate: (token: string) => authenticator.authenticate(`Bearer ${token}`) }
}

it('lets a token do what its permissions allow, and asks the IAM service once', async () => {
  const { authenticate, paths } = await authenticator()
  const permissions = [{ resource: CONNECTOR, action: 2 }]
  const token = await signed(first, claims({ permissions }))
  for (let i = 0; i < 3; i++) {
    const caller = await authenticate(token)
    expect(caller.subject).toBe('client-1')
    expect(await caller.allows(CONNECTOR, 'READ')).toBe(true)
    expect(await caller.allows(CONNECTOR, 'DELETE')).toBe(false)
  }
  expect(paths()).toEqual(['oauth/jwks', 'oauth/revocationlist'])
})

it('finds a new key at once, but does not ask for every key that is made up', async () => {
  const { authenticate, clock, paths } = await authenticator()
  await authenticate(await signed(first))
  iam.keys = [first.publicJwk, second.publicJwk]
  await clock.advance(5_000)
  await authenticate(await signed(second))
  for (let i = 0; i < 20; i++) {
    const made = signed({ ...second, kid: `made-up-${i}` })
    await expect(authenticate(await made)).rejects.toMatchObject({ status: 401 })
  }
  expect(paths().filter((path) => path === 'oauth/jwks')).toHaveLength(2)
})

it('cannot tell of a new key while the IAM service is away: a token of it is not called wrong', async () => {
  const { authenticate, clock } = await authenticator()
  await authenticate(await signed(first))
  iam.keys = [first.publicJwk, second.publicJwk]
  iam.isDown = true
  await clock.advance(5_000)
  await expect(authenticate(await signed(second))).rejects.toMatchObject({ status: 503 })
  await authenticate(await signed(first))
  iam.isDown = false
  await clock.advance(5_000)
  await authenticate(await signed(second))
})

it('forgets a key that was withdrawn', async () => {
  const { authenticate, clock } = await authenticator()
  const token = await signed(first)
  await authenticate(token)
  iam.keys = [second.publicJwk]
  await clock.advance(21 * 60_000)
  await expect(authenticate(token)).rejects.toMatchObject({ status: 401 })
})

it('goes on while the IAM service is away, for an hour, and says then that it is that', async () => {
  const { authenticate, clock } = await authenticator()
  const token = await signed(first, claims({ exp: 2_000_000_000 }))
  await authenticate(token)
  iam.isDown = true
  await clock.advance(59 * 60_000)
  await authenticate(token)
  await clock.advance(2 * 60_000)
  await expect(authenticate(token)).rejects.toMatchObject({ status: 503 })
  iam.isDown = false
  await clock.advance(5_000)
  await authenticate(token)
})

it('refuses everybody while it has no keys or no revocation list: nobody is let in for lack of an answer', async () => {
  iam.isDown = true
  const { authenticate, clock } = await authenticator()
  const token = await signed(first)
  await expect(authenticate(token)).rejects.toMatchObject({ status: 503 })
  iam.isDown = false
  await clock.advance(5_000)
  await authenticate(token)
})

it('refuses a revoked token within a minute', async () => {
  const { authenticate, clock } = await authenticator()
  const token = await signed(first)
  await authenticate(token)
  iam.revoked = { tokens: bloomFilterOf([fingerprintOf(token)]), users: new Map() }
  await clock.advance(60_001)
  await expect(authenticate(token)).rejects.toMatchObject({ status: 401, message: 'the token has been revoked' })
  await authenticate(await signed(first, claims({ jti: 'another' })))
})

it('looks up roles with a token of its own, and remembers them', async () => {
  iam.roles = {
    editor: [
      { Resource: 'ADMIN:NAMESPACE:{namespace}:ANALYTICS:CONNECTOR', Action: 6 },
      { Resource: 'ADMIN:NAMESPACE:{namespace}:USER:{userId}', Action: 2 },
    ],
  }
  const { authenticate, paths } = await authenticator()
  const roles = [
    { roleId: 'editor', namespace: 'acme' },
    { roleId: 'gone', namespace: 'acme' },
  ]
  const token = await signed(first, claims({ sub: 'user-1', permissions: [], namespace_roles: roles }))
  for (let i = 0; i < 3; i++) {
    const caller = await authenticate(token)
    expect(caller.subject).toBe('user-1')
    expect(await caller.allows('ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'UPDATE')).toBe(true)
    expect(await caller.allows('ADMIN:NAMESPACE:acme:USER:user-1', 'READ')).toBe(true)
    expect(await caller.allows('ADMIN:NAMESPACE:acme-eu:ANALYTICS:CONNECTOR', 'UPDATE')).toBe(false)
    expect(await caller.allows('ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'DELETE')).toBe(false)
  }
  const asked = paths().slice(2).sort()
  expect(asked.filter((path) => path !== 'oauth/token')).toEqual(['admin/roles/editor', 'admin/roles/gone'])
})

it('goes on with what a role allowed when something else answers in the place of the IAM service', async () => {
  iam.roles = { reader: [{ Resource: CONNECTOR, Action: 2 }] }
  const { authenticate, clock, paths } = await authenticator()
  const token = await signed(first, claims({ exp: 2_000_000_000, permissions: [], roles: ['reader'] }))
  expect(await (await authenticate(token)).allows(CONNECTOR, 'READ')).toBe(true)
  iam.isReplaced = true
  await clock.advance(3 * 60_000)
  expect(await (await authenticate(token)).allows(CONNECTOR, 'READ')).toBe(true)
  expect(paths().filter((path) => path === 'admin/roles/reader')).toHaveLength(2)
})

it('takes another token of its own when the last one is refused', async () => {
  iam.roles = { reader: [{ Resource: CONNECTOR, Action: 2 }] }
  const { authenticate, clock } = await authenticator()
  const token = await signed(first, claims({ exp: 2_000_000_000, permissions: [], roles: ['reader'] }))
  expect(await (await authenticate(token)).allows(CONNECTOR, 'READ')).toBe(true)
  iam.tokens = 7
  await clock.advance(3 * 60_000)
  expect(await (await authenticate(token)).allows(CONNECTOR, 'READ')).toBe(true)
  await clock.advance(10_000)
  expect(await (await authenticate(token)).allows(CONNECTOR, 'READ')).toBe(true)
  // In the background, as the last question failed.
  await vi.waitFor(() => expect(iam.tokens).toBe(8))
})

it('asks by the secret that is in the file by then', async () => {
  iam.roles = { reader: [{ Resource: CONNECTOR, Action: 2 }] }
  const { authenticate } = await authenticator()
  iam.secret = 'renewed'
  const caller = await authenticate(await signed(first, claims({ permissions: [], roles: ['reader'] })))
  expect(await caller.allows(CONNECTOR, 'READ')).toBe(true)
})

it('says that it cannot tell while roles cannot be looked up', async () => {
  const { authenticate } = await authenticator()
  const token = await signed(first, claims({ permissions: [], roles: ['reader'] }))
  const caller = await authenticate(token)
  iam.isDown = true
  await expect(caller.allows(CONNECTOR, 'READ')).rejects.toMatchObject({ status: 503 })
})

it('grants nothing by roles where it has no client to look them up', async () => {
  iam.roles = { reader: [{ Resource: CONNECTOR, Action: 2 }] }
  const { authenticate } = await authenticator(false)
  const caller = await authenticate(await signed(first, claims({ permissions: [], roles: ['reader'] })))
  expect(await caller.allows(CONNECTOR, 'READ')).toBe(false)
})

it.each([['../../../v3/oauth/token'], ['editor/../admin'], ['a?b=c'], ['%2e%2e/x']])(
  'never leaves the path of roles for a role named %j',
  async (roleId) => {
    const { authenticate, asked } = await authenticator()
    const caller = await authenticate(await signed(first, claims({ permissions: [], roles: [roleId] })))
    expect(await caller.allows(CONNECTOR, 'READ')).toBe(false)
    expect(asked.at(-1)?.url).toBe(`/iam/v3/admin/roles/${encodeURIComponent(roleId)}`)
  },
)

it('does not let a namespace of several sections widen a role', async () => {
  iam.roles = { editor: [{ Resource: 'ADMIN:NAMESPACE:{namespace}:*', Action: 15 }] }
  const { authenticate } = await authenticator()
  const roles = [{ roleId: 'editor', namespace: '*:*' }]
  const caller = await authenticate(await signed(first, claims({ permissions: [], namespace_roles: roles })))
  expect(await caller.allows('ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'READ')).toBe(false)
})

it('keeps every secret out of its errors', async () => {
  const { authenticate } = await authenticator()
  const token = await signed(first, claims({ permissions: [], roles: ['reader'] }))
  const caller = await authenticate(token)
  iam.isDown = true
  const error = await caller.allows(CONNECTOR, 'READ').catch((caught: unknown) => caught)
  const told = JSON.stringify([error, (error as Error).message, String((error as Error).cause)])
  for (const secret of [SECRET, token, Buffer.from(`us:${SECRET}`).toString('base64')])
    expect(told).not.toContain(secret)
})
