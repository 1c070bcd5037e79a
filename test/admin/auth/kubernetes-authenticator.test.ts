import { expect, it } from 'vitest'
import { KubernetesAuthenticator } from '../../../src/admin/auth/kubernetes-authenticator.ts'
import type { KubeApi } from '../../../src/kube/api.ts'
import { KubeApiError } from '../../../src/kube/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'

interface Review {
  spec: Record<string, unknown>
  status?: Record<string, unknown>
}

function setUp(answers: { token?: object | Error; access?: (spec: Review['spec']) => object }, audiences?: string[]) {
  const asked: Review['spec'][] = []
  const clock = new FakeClock()
  const api = {
    create: async ({ kind }: { kind: string }, { spec }: Review) => {
      asked.push(spec)
      if (kind === 'SubjectAccessReview') return { spec, status: answers.access?.(spec) ?? { allowed: true } }
      if (answers.token instanceof Error) throw answers.token
      return { spec, status: answers.token ?? ANSWER }
    },
  } as unknown as Pick<KubeApi, 'create'>
  const options = { api, clock, ...(audiences ? { audiences } : {}) }
  return { asked, clock, authenticator: new KubernetesAuthenticator(options) }
}

const USER = { username: 'system:serviceaccount:ci:robot', uid: 'u-1', groups: ['system:serviceaccounts'] }
const ANSWER = { authenticated: true, user: USER }

it('asks who it is and what RBAC allows, in the whole cluster', async () => {
  const { asked, authenticator } = setUp({})
  const caller = await authenticator.authenticate('Bearer token-of-a-pod')
  expect(caller.subject).toBe('system:serviceaccount:ci:robot')
  expect(await caller.allows('ADMIN:ANALYTICS:CONNECTOR', 'UPDATE')).toBe(true)
  expect(asked).toEqual([
    { token: 'token-of-a-pod' },
    {
      user: USER.username,
      uid: 'u-1',
      groups: ['system:serviceaccounts'],
      resourceAttributes: {
        group: 'analytics-connector.io',
        resource: 'analyticsconnectors',
        verb: 'update',
      },
    },
  ])
})

it.each([
  ['CREATE', 'create'],
  ['READ', 'get'],
  ['UPDATE', 'update'],
  ['DELETE', 'delete'],
] as const)('asks for a game namespace by name, %s as %s', async (action, verb) => {
  const { asked, authenticator } = setUp({})
  await (await authenticator.authenticate('Bearer t')).allows('ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', action)
  expect(asked[1]?.resourceAttributes).toEqual({
    group: 'analytics-connector.io',
    resource: 'gamenamespaces',
    name: 'acme',
    verb,
  })
})

it('allows nothing else, without a question', async () => {
  const { asked, authenticator } = setUp({})
  const caller = await authenticator.authenticate('Bearer t')
  for (const resource of [
    'ADMIN:ROLE',
    '*',
    'ADMIN:NAMESPACE:a:b:ANALYTICS:CONNECTOR',
    'ADMIN:NAMESPACE::ANALYTICS:CONNECTOR',
  ]) {
    expect(await caller.allows(resource, 'READ')).toBe(false)
  }
  expect(asked).toHaveLength(1)
})

it.each([[{ allowed: false }], [{ allowed: true, denied: true }], [{}]])('takes %j for a no', async (status) => {
  const { authenticator } = setUp({ access: () => status })
  expect(await (await authenticator.authenticate('Bearer t')).allows('ADMIN:ANALYTICS:CONNECTOR', 'READ')).toBe(false)
})

it.each([
  [{ authenticated: false, error: 'expired' }],
  [{ user: USER }],
  [{ authenticated: true }],
  [{ authenticated: true, user: { username: '' } }],
])('refuses the token when the answer is %j', async (token) => {
  await expect(setUp({ token }).authenticator.authenticate('Bearer t')).rejects.toMatchObject({ status: 401 })
})

it('wants one of its audiences, also from a server that knows nothing of audiences', async () => {
  const withAudience = (audiences?: string[]) => ({ token: { ...ANSWER, ...(audiences ? { audiences } : {}) } })
  const { asked, authenticator } = setUp(withAudience(['analytics']), ['analytics', 'other'])
  await authenticator.authenticate('Bearer t')
  expect(asked[0]).toEqual({ token: 't', audiences: ['analytics', 'other'] })
  for (const answer of [withAudience(), withAudience(['https://kubernetes.default.svc'])]) {
    await expect(setUp(answer, ['analytics']).authenticator.authenticate('Bearer t')).rejects.toMatchObject({
      status: 401,
    })
  }
})

it('remembers answers for ten seconds, for each token and each question of its own', async () => {
  const { asked, clock, authenticator } = setUp({})
  const ask = async (token: string, resource = 'ADMIN:ANALYTICS:CONNECTOR') =>
    (await authenticator.authenticate(`Bearer ${token}`)).allows(resource, 'READ')
  await ask('one')
  await ask('one')
  expect(asked).toHaveLength(2)
  await ask('two', 'ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR')
  expect(asked).toHaveLength(4)
  await clock.advance(10_000)
  await ask('one')
  expect(asked).toHaveLength(6)
})

it('says 503 while the API server cannot be asked, and asks again', async () => {
  const answers: { token?: Error } = { token: new KubeApiError(0, 'Unreachable', 'no answer') }
  const { authenticator } = setUp(answers)
  await expect(authenticator.authenticate('Bearer t')).rejects.toMatchObject({ status: 503 })
  delete answers.token
  await authenticator.authenticate('Bearer t')
})

it('remembers no answer for longer because the machine’s clock is set back', async () => {
  const { asked, clock, authenticator } = setUp({})
  await authenticator.authenticate('Bearer token-of-a-pod')
  clock.set(-3_600_000)
  await clock.advance(10_000)
  await authenticator.authenticate('Bearer token-of-a-pod')
  expect(asked).toHaveLength(2)
})
