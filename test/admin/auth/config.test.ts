import { expect, it } from 'vitest'
import { authConfigSchema } from '../../../src/admin/auth/config.ts'

it('fills in the defaults', () => {
  expect(authConfigSchema.parse({ builtIn: {} }).builtIn).toEqual({
    issuer: 'analytics-connector',
    tokenSeconds: 3_600,
    keyDays: 30,
  })
  expect(authConfigSchema.parse({ iam: { url: 'https://a/iam', issuer: 'https://a' } }).iam?.rolePath).toBe(
    '/v3/admin/roles/{roleId}',
  )
})

it.each([
  [{}, 'name at least one of'],
  [{ none: true }, 'none'],
  [{ iam: { url: 'ftp://a', issuer: 'a' } }, 'must be an http or https URL'],
  [{ iam: { url: 'https://a' } }, 'issuer'],
  [{ iam: { url: 'https://a', issuer: 'a', clientId: 'us' } }, 'clientId and clientSecretFile come together'],
  [{ iam: { url: 'https://a', issuer: 'a', rolePath: '/roles' } }, 'must be a path with {roleId}'],
  [{ iam: { url: 'https://a', issuer: 'a' }, builtIn: { issuer: 'a' } }, 'must differ'],
  [{ builtIn: { tokenSeconds: 5 } }, 'tokenSeconds'],
  [{ kubernetes: { audiences: [] } }, 'audiences'],
])('refuses %j', (config, problem) => {
  expect(JSON.stringify(authConfigSchema.safeParse(config).error?.issues)).toContain(problem)
})
