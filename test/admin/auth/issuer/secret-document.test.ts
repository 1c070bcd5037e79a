import { beforeEach, expect, it } from 'vitest'
import * as z from 'zod'
import { SecretDocument } from '../../../../src/admin/auth/issuer/secret-document.ts'
import { SecretsApi } from './secrets-api.ts'

const ref = { namespace: 'n', name: 's' }
let api: SecretsApi
let document: SecretDocument<number[]>
beforeEach(() => {
  api = new SecretsApi()
  document = new SecretDocument({ api, ref, key: 'numbers.json', schema: z.array(z.number()), empty: [] })
})

it('stands for the empty document where there is no Secret, or one without the key', async () => {
  expect(await document.read()).toEqual([])
  api.secrets.set('n/s', { metadata: { ...ref, resourceVersion: '1' } })
  expect(await document.read()).toEqual([])
})

it('makes the Secret, changes it, and leaves the rest of it alone', async () => {
  await document.update((numbers) => [...numbers, 1])
  const other = { ...api.secrets.get('n/s'), data: { ...api.secrets.get('n/s')?.data, other: 'AAAA' } }
  api.secrets.set('n/s', { ...other, metadata: { ...other.metadata, labels: { a: 'b' } } })
  expect(await document.update((numbers) => [...numbers, 2])).toEqual([1, 2])
  expect(await document.read()).toEqual([1, 2])
  expect(api.secrets.get('n/s')).toMatchObject({ metadata: { labels: { a: 'b' } }, data: { other: 'AAAA' } })
})

it('loses no change of many who write at the same time', async () => {
  await Promise.all(Array.from({ length: 8 }, (_, i) => document.update((numbers) => [...numbers, i])))
  expect((await document.read()).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

it('writes nothing when there is nothing to change', async () => {
  expect(await document.update(() => undefined)).toEqual([])
  expect(api.writes).toBe(0)
})

it('decides again when somebody else was faster', async () => {
  let isFirst = true
  api.beforeWrite = async () => {
    if (!isFirst) return
    isFirst = false
    await document.update(() => [7])
  }
  expect(await document.update((numbers) => (numbers.length > 0 ? undefined : [1]))).toEqual([7])
})

it.each(['', 'no JSON', '{"a":1}', '["secret"]'])('refuses %j, and quotes nothing of it', async (text) => {
  const data = { 'numbers.json': Buffer.from(text).toString('base64') }
  api.secrets.set('n/s', { metadata: { ...ref, resourceVersion: '1' }, data })
  const message = 'numbers.json of Secret n/s is not what this version writes'
  await expect(document.read()).rejects.toThrow(new Error(message))
  await expect(document.update(() => [])).rejects.toThrow(new Error(message))
})
