import { expect, it } from 'vitest'
import type { AccessToken } from '../../../src/admin/auth/access-token.ts'
import { bloomFilterOf, fingerprintOf } from '../../../src/admin/auth/bloom-filter.ts'
import { isRevoked, readRevocationList, writeRevocationList } from '../../../src/admin/auth/revocation-list.ts'

function token(overrides: Partial<AccessToken> = {}): AccessToken {
  const base = {
    token: 'a.b.c',
    tokenId: 't',
    clientId: 'client-1',
    userId: undefined,
    issuedAt: 1_000,
    expiresAt: 2_000,
  }
  return { ...base, permissions: [], roles: [], ...overrides }
}

it('reads back what it wrote, every bit of it', () => {
  const list = {
    tokens: bloomFilterOf(['a.b.c', 'd.e.f'].map(fingerprintOf)),
    users: new Map([['client-1', 1_772_366_400]]),
  }
  expect(list.tokens.bits.some((word) => word > BigInt(Number.MAX_SAFE_INTEGER))).toBe(true)
  expect(readRevocationList(writeRevocationList(list))).toEqual(list)
})

it('knows a revoked token, and no other', () => {
  const list = readRevocationList(
    writeRevocationList({ tokens: bloomFilterOf([fingerprintOf('a.b.c')]), users: new Map() }),
  )
  expect(isRevoked(list, token())).toBe(true)
  expect(isRevoked(list, token({ token: 'a.b.d' }))).toBe(false)
})

it('voids what a user or a client was issued until its revocation, not what came later', () => {
  const json =
    '{"revoked_tokens":null,"revoked_users":[{"id":"client-1","revoked_at":"1970-01-01T00:16:40.5Z"},{"id":"user-1","revoked_at":"1970-01-01T00:16:40Z"}]}'
  const list = readRevocationList(json)
  expect(isRevoked(list, token({ issuedAt: 1_000 }))).toBe(true)
  expect(isRevoked(list, token({ issuedAt: 1_001 }))).toBe(false)
  expect(isRevoked(list, token({ userId: 'user-1', issuedAt: 1_000 }))).toBe(true)
  // The client may be anybody's: a user's token is void by the user only.
  expect(isRevoked(list, token({ userId: 'user-2', issuedAt: 900 }))).toBe(false)
})

it.each([
  '',
  '[]',
  '{}',
  '{"errorCode":20000,"errorMessage":"internal server error"}',
  '{"revoked_tokens":null}',
  '{"revoked_users":null}',
  '{"revoked_tokens":{"bits":["1"],"k":1},"revoked_users":null}',
  '{"revoked_tokens":{"bits":[1.5],"k":1},"revoked_users":null}',
  '{"revoked_tokens":{"bits":[-1],"k":1},"revoked_users":null}',
  '{"revoked_tokens":null,"revoked_users":[{"id":"a","revoked_at":"yesterday"}]}',
])('refuses %j: a list that cannot be read must not be an empty one', (json) => {
  expect(() => readRevocationList(json)).toThrow()
})
