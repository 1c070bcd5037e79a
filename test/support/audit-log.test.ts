import { expect, test } from 'vitest'
import { askedIn } from './audit-log.ts'

const user = { username: 'system:serviceaccount:analytics-connector:analytics-connector-operator' }
const objectRef = { apiGroup: 'apps', resource: 'deployments', namespace: 'games', name: 'events-sink' }
const patch = {
  account: 'analytics-connector-operator',
  ...{ verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'games', name: 'events-sink' },
  isAllowed: true,
}

test('an apply of something that was not there needed the right to create it too', () => {
  expect(askedIn({ verb: 'patch', user, objectRef, responseStatus: { code: 200 } })).toEqual([patch])
  const made = askedIn({ verb: 'patch', user, objectRef, responseStatus: { code: 201 } })
  expect(made).toEqual([patch, { ...patch, verb: 'create' }])
  const message =
    'deployments.apps "events-sink" is forbidden: User "x" cannot create resource "deployments" in API group "apps"'
  const refused = askedIn({ verb: 'patch', user, objectRef, responseStatus: { code: 403, message } })
  expect(refused).toEqual([patch, { ...patch, verb: 'create', isAllowed: false }])
})

test('what no role allows is told from what is refused for other reasons', () => {
  const annotations = { 'authorization.k8s.io/decision': 'forbid' } as const
  const refused = askedIn({ verb: 'patch', user, objectRef, responseStatus: { code: 403 }, annotations })
  expect(refused).toEqual([{ ...patch, isAllowed: false }])
  const message = 'unable to create new content in namespace games because it is being terminated'
  expect(askedIn({ verb: 'patch', user, objectRef, responseStatus: { code: 403, message } })).toEqual([patch])
})

test('a subresource is one of its own, and what is no resource needs no right of ours', () => {
  const status = { ...objectRef, subresource: 'status' }
  expect(askedIn({ verb: 'patch', user, objectRef: status })).toEqual([{ ...patch, resource: 'deployments/status' }])
  expect(askedIn({ verb: 'get', user })).toEqual([])
})
