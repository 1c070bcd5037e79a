import { decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { Clients } from '../../../../src/admin/auth/issuer/clients.ts'
import { ISSUER_SECRETS } from '../../../../src/admin/auth/issuer/issuer.ts'
import { accepts, api, aToken, clock, keySet, MINUTE_MS, one, onReplicas, replica, two } from './replicas.ts'
import { SecretsApi } from './secrets-api.ts'

const DAY_MS = 24 * 60 * MINUTE_MS

onReplicas()

describe('signing keys', () => {
  it('are the same for replicas that start at the same time', async () => {
    const [first, second] = await Promise.all([keySet(one), keySet(two)])
    expect(first.keys).toHaveLength(1)
    expect(second).toEqual(first)
  })

  it('are published without their private half', async () => {
    const [key] = (await keySet()).keys
    expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  it('are replaced while every token stays valid: published first, used later, dropped last', async () => {
    const [first] = (await keySet()).keys
    await clock.advance(30 * DAY_MS - 10 * MINUTE_MS)
    const old = await aToken()
    const rotated = await keySet()
    expect(rotated.keys).toHaveLength(2)
    expect(decodeProtectedHeader(old).kid).toBe(first?.kid)
    await clock.advance(5 * MINUTE_MS)
    // The other replica has read the Secret meanwhile, and signs with the old key as well.
    expect(await keySet(two)).toEqual(rotated)
    expect(decodeProtectedHeader(await aToken(two)).kid).toBe(first?.kid)
    await clock.advance(5 * MINUTE_MS)
    const fresh = await aToken(two)
    expect(decodeProtectedHeader(fresh).kid).toBe(rotated.keys[1]?.kid)
    for (const each of [one, two]) for (const token of [old, fresh]) expect(await accepts(token, each)).toBe(true)
    await clock.advance(2 * DAY_MS)
    expect((await keySet()).keys.map(({ kid }) => kid)).toEqual([rotated.keys[1]?.kid])
  })

  it('of another replica are found at once', async () => {
    await keySet(one)
    await clock.advance(30 * DAY_MS)
    await aToken(two)
    await clock.advance(10 * MINUTE_MS)
    expect(await accepts(await aToken(two), one)).toBe(true)
  })

  it('that a stranger puts into a token are not', async () => {
    const stranger = new SecretsApi()
    await new Clients(stranger, { namespace: 'n', name: ISSUER_SECRETS.clients }).create([], clock.now())
    const other = replica(stranger)
    stranger.secrets.set(`n/${ISSUER_SECRETS.clients}`, api.secrets.get(`n/${ISSUER_SECRETS.clients}`) ?? {})
    const token = await aToken(other)
    expect(await accepts(token, one)).toBe(false)
  })
})
