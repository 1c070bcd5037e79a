import { createHmac } from 'node:crypto'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { verifyAccessToken } from '../../../src/admin/auth/access-token.ts'
import { anIssuerKey, base64url, claims, ISSUER, type IssuerKey, NOW, signed } from './tokens.ts'

let key: IssuerKey
const asked: string[] = []
beforeAll(async () => {
  key = await anIssuerKey()
})

function verify(token: string) {
  const keys = {
    keyOf: async (kid: string) => {
      asked.push(kid)
      return kid === key.kid ? key.publicKey : undefined
    },
  }
  return verifyAccessToken(token, { issuer: ISSUER, keys, nowMs: NOW * 1000 })
}

/** A token whose header says anything, with a signature of anybody's making. */
function forged(header: object, sign: (input: string) => string, payload = claims()): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${sign(input)}`
}

describe('verifyAccessToken', () => {
  it('reads what a token says', async () => {
    expect(await verify(await signed(key))).toMatchObject({
      clientId: 'client-1',
      userId: undefined,
      tokenId: 'token-1',
      issuedAt: NOW - 60,
      expiresAt: NOW + 3_540,
      permissions: [{ resource: 'ADMIN:ANALYTICS:CONNECTOR', actions: 15 }],
      roles: [],
    })
  })

  it('reads roles with their namespace, and older ones with that of the token', async () => {
    const namespaceRoles = [{ roleId: 'r1', namespace: 'acme-eu' }]
    const token = await signed(key, claims({ sub: 'user-1', roles: ['r2'], namespace_roles: namespaceRoles }))
    expect(await verify(token)).toMatchObject({
      userId: 'user-1',
      roles: [
        { roleId: 'r1', namespace: 'acme-eu' },
        { roleId: 'r2', namespace: 'acme' },
      ],
    })
  })

  it.each([
    ['expired', { exp: NOW - 31 }, 'the token has expired'],
    ['not yet valid', { nbf: NOW + 31 }, 'the token is not valid yet'],
    ['of another issuer', { iss: 'https://evil.example.com' }, 'the token is from another issuer'],
    ['of an issuer that only begins so', { iss: `${ISSUER}/` }, 'the token is from another issuer'],
    ['of no issuer', { iss: undefined }, 'the token is from another issuer'],
    ['that never ends', { exp: undefined }, "the token's claim exp is missing or wrong"],
    ['that ends at a text', { exp: 'never' }, "the token's claim exp is missing or wrong"],
    ['of no known time', { iat: undefined }, "the token's claim iat is missing or wrong"],
    ['with permissions that are none', { permissions: [{ Resource: 'ADMIN' }] }, 'claim permissions.0'],
  ])('refuses one %s', async (_, overrides, reason) => {
    await expect(verify(await signed(key, claims(overrides)))).rejects.toThrow(reason)
  })

  it('lets clocks differ by half a minute', async () => {
    await verify(await signed(key, claims({ exp: NOW - 29, nbf: NOW + 29 })))
  })

  describe('attacks', () => {
    it('alg none, with and without a signature', async () => {
      for (const alg of ['none', 'None', 'NONE', '']) {
        await expect(verify(forged({ alg, kid: key.kid }, () => ''))).rejects.toThrow(/RS256|no JWT/)
        await expect(verify(forged({ alg, kid: key.kid }, () => 'AAAA'))).rejects.toThrow(/RS256|no JWT/)
      }
    })

    it('HS256 with the public key as the secret', async () => {
      const pem = await exportSPKI(key.publicKey)
      for (const secret of [pem, pem.trim(), JSON.stringify(key.publicJwk), key.publicJwk.n ?? '']) {
        const sign = (input: string) => createHmac('sha256', secret).update(input).digest('base64url')
        await expect(verify(forged({ alg: 'HS256', kid: key.kid }, sign))).rejects.toThrow('not signed with RS256')
      }
    })

    it.each(['RS384', 'RS512', 'PS256'])('another algorithm, %s, with a good key of its own', async (alg) => {
      const { privateKey } = await generateKeyPair(alg)
      const token = await new SignJWT(claims()).setProtectedHeader({ alg, kid: key.kid }).sign(privateKey)
      await expect(verify(token)).rejects.toThrow('not signed with RS256')
    })

    it("a stranger's key under the issuer's key id", async () => {
      const stranger = await anIssuerKey(key.kid)
      await expect(verify(await signed(stranger))).rejects.toThrow("the token's signature is wrong")
    })

    it.each(['../../../../dev/null', '/etc/passwd', "' OR 1=1 --", '__proto__', 'constructor', '', 'key-1\u0000'])(
      'a key id that leads elsewhere: %j',
      async (kid) => {
        await expect(verify(await signed(key, claims(), { kid }))).rejects.toThrow('does not publish')
      },
    )

    it.each([[undefined], [1], [['key-1']], [{ kid: 'key-1' }]])('a key id that is no text: %j', async (kid) => {
      await expect(verify(forged({ alg: 'RS256', kid }, () => 'AAAA'))).rejects.toThrow(/does not publish|no JWT/)
    })

    it('a key in the header itself: jwk, jku, x5u and x5c are not read', async () => {
      const stranger = await anIssuerKey('stranger')
      const url = 'https://evil.example.com/jwks'
      asked.length = 0
      const header = { jwk: stranger.publicJwk, jku: url, x5u: url, x5c: ['AAAA'] }
      await expect(verify(await signed(stranger, claims(), header))).rejects.toThrow('does not publish')
      await expect(verify(await signed(stranger, claims(), { ...header, kid: key.kid }))).rejects.toThrow('signature')
      expect(asked).toEqual(['stranger', key.kid])
    })

    it('a changed payload', async () => {
      const [header, , signature] = (await signed(key)).split('.')
      const payload = base64url(claims({ permissions: [{ Resource: '*', Action: 15 }] }))
      await expect(verify(`${header}.${payload}.${signature}`)).rejects.toThrow("the token's signature is wrong")
    })

    it('an extension that must be understood', async () => {
      const sign = () => 'AAAA'
      await expect(verify(forged({ alg: 'RS256', kid: key.kid, crit: ['b64'], b64: false }, sign))).rejects.toThrow()
      await expect(verify(forged({ alg: 'RS256', kid: key.kid, crit: ['x'], x: 1 }, sign))).rejects.toThrow()
    })

    it.each(['', '.', '..', 'a.b', 'a.b.c.d', 'a.b.c.d.e', `${base64url('{"alg":"RS256"')}.e30.AAAA`, 'e30.e30.'])(
      'what is no JWT: %j',
      async (token) => {
        await expect(verify(token)).rejects.toThrow(/no JWT|not signed/)
      },
    )

    it('a token of a megabyte, before it is parsed', async () => {
      await expect(verify(`${'A'.repeat(1 << 20)}.e30.AAAA`)).rejects.toThrow('longer than 16384')
    })

    it('prototype pollution by claims', async () => {
      const payload = `{"iss":"${ISSUER}","iat":${NOW},"exp":${NOW + 60},"__proto__":{"permissions":[{"Resource":"*","Action":15}]}}`
      const input = `${base64url({ alg: 'RS256', kid: key.kid })}.${base64url(payload)}`
      const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key.privateKey, Buffer.from(input))
      const token = await verify(`${input}.${Buffer.from(signature).toString('base64url')}`)
      expect(token.permissions).toEqual([])
      expect(({} as { permissions?: unknown }).permissions).toBeUndefined()
    })
  })
})
