import { expect, it } from 'vitest'
import { bearerToken } from '../../../src/admin/auth/bearer.ts'

it('takes the scheme in any case', () => {
  expect(bearerToken('Bearer a.b-c_d')).toBe('a.b-c_d')
  expect(bearerToken('bearer  abc==')).toBe('abc==')
})

it.each([
  undefined,
  '',
  'Bearer',
  'Bearer ',
  'abc',
  'Basic YTpi',
  'Bearer a b',
  'Bearer a,Bearer b',
  'Bearer a\r\nX-Role: admin',
  'Bearer ä',
  ' Bearer a',
  'Bearer a='.concat('=a'),
])('refuses %j with a challenge', (authorization) => {
  expect(() => bearerToken(authorization)).toThrow(
    expect.objectContaining({ status: 401, headers: { 'www-authenticate': expect.stringMatching(/^Bearer/) } }),
  )
})
