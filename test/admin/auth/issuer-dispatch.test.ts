import { expect, it } from 'vitest'
import type { Authenticator } from '../../../src/admin/auth/authenticator.ts'
import { dispatchByIssuer } from '../../../src/admin/auth/issuer-dispatch.ts'
import { base64url } from './tokens.ts'

const named = (subject: string): Authenticator => ({
  authenticate: async () => ({ subject, allows: async () => false }),
})
const authenticator = dispatchByIssuer(
  new Map([
    ['a', named('a')],
    ['b', named('b')],
  ]),
  named('others'),
)
const bearer = (payload: unknown) => `Bearer ${base64url({ alg: 'RS256' })}.${base64url(payload)}.AAAA`

it.each([
  [bearer({ iss: 'a' }), 'a'],
  [bearer({ iss: 'b' }), 'b'],
  [bearer({ iss: 'c' }), 'others'],
  [bearer({ iss: ['a'] }), 'others'],
  [bearer({}), 'others'],
  [bearer('no object'), 'others'],
  ['Bearer opaque', 'others'],
])('%s goes to %s', async (authorization, subject) => {
  expect((await authenticator.authenticate(authorization)).subject).toBe(subject)
})

it('refuses what is no bearer token', async () => {
  await expect(authenticator.authenticate(undefined)).rejects.toMatchObject({ status: 401 })
})
