import { expect, it } from 'vitest'
import { hashSecret, isSecretOf, NOBODYS_HASH } from '../../../../src/admin/auth/issuer/secret-hash.ts'

it('knows a secret by its hash, and no other', async () => {
  const hash = await hashSecret('right')
  expect(await isSecretOf(hash, 'right')).toBe(true)
  for (const wrong of ['', 'wrong', 'right ', 'Right', 'rightright']) expect(await isSecretOf(hash, wrong)).toBe(false)
})

it('salts: the same secret has another hash each time, which does not hold it', async () => {
  const [one, two] = [await hashSecret('right'), await hashSecret('right')]
  expect(one).not.toBe(two)
  expect(one).toMatch(/^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
})

it('compares an unknown client at the same cost', async () => {
  const hash = await hashSecret('right')
  expect(NOBODYS_HASH.split('$').slice(0, 4)).toEqual(hash.split('$').slice(0, 4))
  expect(NOBODYS_HASH).toHaveLength(hash.length)
  expect(await isSecretOf(NOBODYS_HASH, '')).toBe(false)
})

it.each(['', 'right', 'md5$1$8$1$AA$AA', 'scrypt$16384$8$1$AA$'])('takes %j for no hash', async (hash) => {
  await expect(isSecretOf(hash, 'right')).rejects.toThrow('unknown kind')
})
