import { expect, it } from 'vitest'
import { KubeApiError } from '../../src/kube/errors.ts'
import { whereAllowed } from '../../src/kube/where-allowed.ts'

const refused = new KubeApiError(403, 'Forbidden', 'x is forbidden: User "o" cannot list resource "y"')

it('leaves out the namespaces that may not be read', async () => {
  expect(await whereAllowed([Promise.resolve(1), Promise.reject(refused), Promise.resolve(2)])).toEqual([1, 2])
})

it('fails where none may be read, and with whatever else a namespace fails', async () => {
  await expect(whereAllowed([Promise.reject(refused), Promise.reject(refused)])).rejects.toBe(refused)
  const unreachable = new KubeApiError(0, 'Unreachable', 'no answer')
  await expect(whereAllowed([Promise.resolve(1), Promise.reject(unreachable)])).rejects.toBe(unreachable)
})
