import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { readKeySet } from '../../../src/admin/auth/key-set.ts'
import { anIssuerKey } from './tokens.ts'

it('takes RSA keys for signatures, and passes over every other', async () => {
  const { publicJwk } = await anIssuerKey('good')
  const bare = { ...publicJwk, kid: 'bare', use: undefined, alg: undefined }
  const set = await readKeySet(
    JSON.stringify({
      keys: [
        publicJwk,
        bare,
        { ...publicJwk, kid: 'encryption', use: 'enc' },
        { ...publicJwk, kid: 'other algorithm', alg: 'PS256' },
        { ...publicJwk, kid: undefined },
        { kty: 'oct', kid: 'secret', k: 'c2VjcmV0' },
        { kty: 'EC', kid: 'curve', crv: 'P-256', x: 'AA', y: 'AA' },
        { ...publicJwk, kid: 'no number', n: '' },
        { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'short' },
        'no key',
      ],
    }),
  )
  expect([...set.keys()]).toEqual(['good', 'bare'])
  expect(set.get('good')?.type).toBe('public')
})

it('imports the public half of a key that was published whole by mistake', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'whole' }
  expect((await readKeySet(JSON.stringify({ keys: [jwk] }))).get('whole')?.type).toBe('public')
})

it.each(['', '{}', '[]', '{"keys":[]}', '{"keys":[{"kty":"oct","kid":"a","k":"AA"}]}'])('refuses %j', async (json) => {
  await expect(readKeySet(json)).rejects.toThrow()
})
