import { beforeEach, expect, it } from 'vitest'
import { Clients } from '../../../../src/admin/auth/issuer/clients.ts'
import { SecretsApi } from './secrets-api.ts'

const PERMISSIONS = [{ resource: 'ADMIN:ANALYTICS:CONNECTOR', actions: 15 }]
const NOW = Date.parse('2026-03-01T12:00:00Z')
let api: SecretsApi
let clients: Clients
beforeEach(() => {
  api = new SecretsApi()
  clients = new Clients(api, { namespace: 'n', name: 'clients' })
})

it('makes a client whose secret is told once and stored only as a hash', async () => {
  const { id, secret } = await clients.create(PERMISSIONS, NOW)
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(secret).toMatch(/^[\w-]{43}$/)
  expect(await clients.list()).toMatchObject([{ id, permissions: PERMISSIONS, createdAt: '2026-03-01T12:00:00.000Z' }])
  expect(JSON.stringify(api.document('n/clients', 'clients.json'))).not.toContain(secret)
})

it('knows it again by its secret only', async () => {
  const { id, secret } = await clients.create(PERMISSIONS, NOW)
  expect(await clients.authenticate(id, secret)).toMatchObject({ id, permissions: PERMISSIONS })
  expect(await clients.authenticate(id, `${secret}x`)).toBeUndefined()
  expect(await clients.authenticate('another', secret)).toBeUndefined()
  expect(await clients.authenticate('__proto__', secret)).toBeUndefined()
})

it('compares for an unknown client too, so that nobody learns from the time which ids exist', async () => {
  const { id } = await clients.create(PERMISSIONS, NOW)
  const cpuMs = async (clientId: string) => {
    const before = process.cpuUsage()
    for (let i = 0; i < 10; i++) await clients.authenticate(clientId, 'wrong')
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  await cpuMs(id)
  const [known, unknown] = [await cpuMs(id), await cpuMs('another')]
  // Without the comparison an unknown client costs nearly nothing.
  expect(unknown / known).toBeGreaterThan(0.4)
  expect(unknown / known).toBeLessThan(2.5)
})

it('takes an id of its own, once, if it looks like one', async () => {
  await clients.create(PERMISSIONS, NOW, 'game-ops')
  await expect(clients.create(PERMISSIONS, NOW, 'game-ops')).rejects.toThrow('there is a client "game-ops" already')
  for (const id of ['', 'Game', 'a b', 'a:b', '-a', 'a'.repeat(64), '../x']) {
    await expect(clients.create(PERMISSIONS, NOW, id)).rejects.toThrow('is no client id')
  }
})

it('makes all of many that are made at the same time', async () => {
  await Promise.all(Array.from({ length: 5 }, () => clients.create(PERMISSIONS, NOW)))
  expect(await clients.list()).toHaveLength(5)
})

it('deletes one', async () => {
  const { id, secret } = await clients.create(PERMISSIONS, NOW)
  await clients.create(PERMISSIONS, NOW, 'other')
  await clients.delete(id)
  expect(await clients.authenticate(id, secret)).toBeUndefined()
  expect((await clients.list()).map((each) => each.id)).toEqual(['other'])
  await expect(clients.delete(id)).rejects.toThrow(`there is no client "${id}"`)
})
