import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { mightContain } from '../../../../src/admin/auth/bloom-filter.ts'
import { ISSUER_SECRETS } from '../../../../src/admin/auth/issuer/issuer.ts'
import { Revocations } from '../../../../src/admin/auth/issuer/revocations.ts'
import { readRevocationList } from '../../../../src/admin/auth/revocation-list.ts'
import { createLogger } from '../../../../src/lib/logger.ts'
import {
  accepts,
  api,
  aToken,
  basic,
  CONNECTOR,
  client,
  clients,
  clock,
  FORM,
  keySet,
  MINUTE_MS,
  one,
  onReplicas,
  post,
  two,
} from './replicas.ts'

onReplicas()

describe('POST /iam/v3/oauth/token', () => {
  it('answers as the guide says', async () => {
    const answer = await post('token', FORM)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' })
    expect(answer.json()).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3_600,
      scope: 'analytics',
      namespace: '',
      permissions: [{ Resource: CONNECTOR, Action: 15 }],
    })
  })

  it('gives a JWT that says who it is for, what it allows and when it ends, signed with a published key', async () => {
    const token = await aToken()
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: (await keySet()).keys[0]?.kid })
    const now = clock.now() / 1000
    expect(decodeJwt(token)).toEqual({
      iss: 'analytics-connector',
      client_id: client.id,
      namespace: '',
      scope: 'analytics',
      permissions: [{ Resource: CONNECTOR, Action: 15 }],
      iat: now,
      exp: now + 3_600,
      jti: expect.any(String),
    })
    const currentDate = new Date(clock.now())
    await jwtVerify(token, createLocalJWKSet(await keySet()), { algorithms: ['RS256'], currentDate })
  })

  it('gives a token that this replica and the other accept, for what the client may do, until it ends', async () => {
    const token = await aToken()
    for (const { authenticator } of [one, two]) {
      const caller = await authenticator.authenticate(`Bearer ${token}`)
      expect(caller.subject).toBe(client.id)
      expect(await caller.allows(CONNECTOR, 'DELETE')).toBe(true)
      expect(await caller.allows('ADMIN:NAMESPACE:acme:ANALYTICS:CONNECTOR', 'READ')).toBe(false)
    }
    await clock.advance(61 * MINUTE_MS)
    expect(await accepts(token)).toBe(false)
  })

  it.each([
    ['grant_type=password', 400, 'unsupported_grant_type'],
    ['', 400, 'invalid_request'],
    ['grant_type=', 400, 'invalid_request'],
    [`${FORM}&${FORM}`, 400, 'invalid_request'],
    [`${FORM}&a=1&a=2`, 400, 'invalid_request'],
    [`${FORM}&client_id=x&client_secret=y`, 400, 'invalid_request'],
  ])('refuses the form %j', async (form, status, error) => {
    const answer = await post('token', form)
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual({ error, error_description: expect.stringMatching(/^[\x20-\x7e]+$/) })
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  it('looks at a form of thousands of parameters once, not once for each of them', async () => {
    const form = Array.from({ length: 5_000 }, (_, i) => i.toString(36)).join('&')
    const begun = process.cpuUsage()
    for (let i = 0; i < 10; i++) expect((await post('token', form)).statusCode).toBe(400)
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(500)
  })

  it.each([
    ['application/json', '{"grant_type":"client_credentials"}', 415],
    ['multipart/form-data; boundary=x', '--x--', 415],
    ['application/x-www-form-urlencoded', `a=${'x'.repeat(30_000)}`, 413],
  ])('refuses %s of %j as an OAuth error', async (contentType, payload, status) => {
    const answer = await post('token', payload, { 'content-type': contentType })
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toMatchObject({ error: 'invalid_request' })
  })

  it.each([
    ['none', ''],
    ['a bearer token', 'Bearer abc'],
    ['no base64', 'Basic !!!'],
    ['no colon', `Basic ${Buffer.from('abc').toString('base64')}`],
    ['an unknown client', basic({ id: 'unknown', secret: 'secret' })],
    ['an empty secret', `Basic ${Buffer.from('client:').toString('base64')}`],
    ['an endless secret', basic({ id: 'client', secret: 'x'.repeat(10_000) })],
  ])('refuses credentials: %s', async (_, authorization) => {
    const answer = await post('token', FORM, { authorization })
    expect(answer.statusCode).toBe(401)
    expect(answer.json()).toMatchObject({ error: 'invalid_client' })
    expect(answer.headers['www-authenticate']).toMatch(/^Basic /)
  })

  it('says the same of an unknown client and of a wrong secret', async () => {
    const answers = [
      await post('token', FORM, { authorization: basic({ ...client, id: 'unknown' }) }),
      await post('token', FORM, { authorization: basic({ ...client, secret: 'wrong' }) }),
    ]
    expect(answers[0]?.body).toBe(answers[1]?.body)
  })

  it('slows down whoever tries secrets, and says for how long', async () => {
    const tries = []
    for (let i = 0; i < 15; i++)
      tries.push((await post('token', FORM, { authorization: basic({ ...client, secret: `${i}` }) })).statusCode)
    expect(tries).toEqual([...Array(11).fill(401), ...Array(4).fill(429)])
    // The right secret waits too: otherwise the wait would tell which one it is.
    const answer = await post('token', FORM)
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
    await clock.advance(1_000)
    await aToken()
  })

  it('says that it cannot tell while the API server is away, and counts nothing against the client', async () => {
    api.isDown = true
    for (let i = 0; i < 30; i++) {
      const answer = await post('token', FORM)
      expect([answer.statusCode, answer.json().error]).toEqual([503, 'temporarily_unavailable'])
    }
    api.isDown = false
    await aToken()
  })

  it('knows a client as soon as it is made, and no longer when it is deleted', async () => {
    const made = await clients.create([], clock.now())
    const authorization = basic(made)
    expect((await post('token', FORM, { authorization })).statusCode).toBe(200)
    await clients.delete(made.id)
    expect((await post('token', FORM, { authorization })).statusCode).toBe(401)
  })
})

/** As a command line has them that deletes a client. */
function theRevocations(): Revocations {
  const ref = { namespace: 'n', name: ISSUER_SECRETS.revocations }
  return new Revocations(api, ref, { clock, logger: createLogger('silent') })
}

describe('POST /iam/v3/oauth/revoke', () => {
  it('voids a token: here at once, in the other replica within two seconds, and in the published list', async () => {
    const [token, other] = [await aToken(), await aToken()]
    expect(await accepts(token, two)).toBe(true)
    const answer = await post('revoke', `token=${token}`)
    expect(answer.statusCode).toBe(200)
    expect(await accepts(token, one)).toBe(false)
    await clock.advance(2_001)
    expect(await accepts(token, two)).toBe(false)
    expect(await accepts(other, two)).toBe(true)
    const list = readRevocationList((await two.server.inject('/iam/v3/oauth/revocationlist')).body)
    expect([token, other].map((each) => mightContain(list.tokens, each))).toEqual([true, false])
  })

  it('is done for all tokens of a client that is deleted, not for those of its successor', async () => {
    const [old, others] = [await aToken(), await clients.create([], clock.now())]
    const revocations = theRevocations()
    await clients.delete(client.id)
    await revocations.revokeClient(client.id)
    await clock.advance(2_001)
    expect(await accepts(old)).toBe(false)
    const successor = await clients.create([], clock.now(), client.id)
    for (const each of [successor, others]) expect(await accepts(await aToken(one, each))).toBe(true)
    const list = readRevocationList((await one.server.inject('/iam/v3/oauth/revocationlist')).body)
    expect(list.users.size).toBe(1)
  })

  it('is done too for a token that is being made while its client is deleted', async () => {
    const revocations = theRevocations()
    const get = api.get.bind(api)
    // The client is known by then, and the token not yet signed.
    api.get = async (kind, ref) => {
      if (ref.name === ISSUER_SECRETS.keys) {
        api.get = get
        await clients.delete(client.id)
        await revocations.revokeClient(client.id)
        await clock.advance(1_000)
      }
      return get(kind, ref)
    }
    const token = await aToken()
    await clock.advance(2_001)
    expect(await accepts(token)).toBe(false)
  })

  it('forgets a revoked token when it is over', async () => {
    await post('revoke', `token=${await aToken()}`)
    await clock.advance(2 * 60 * MINUTE_MS)
    await post('revoke', `token=${await aToken()}`)
    const document = api.document(`n/${ISSUER_SECRETS.revocations}`, 'revocations.json') as { tokens: unknown[] }
    expect(document.tokens).toHaveLength(1)
  })

  it('answers 200 for what is no token, or none any more (RFC 7009)', async () => {
    const over = await aToken()
    await clock.advance(2 * 60 * MINUTE_MS)
    for (const token of ['abc', 'a.b.c', over]) expect((await post('revoke', `token=${token}`)).statusCode).toBe(200)
    expect(api.document(`n/${ISSUER_SECRETS.revocations}`, 'revocations.json')).toBeUndefined()
  })

  it("refuses another client's token", async () => {
    const token = await aToken()
    const other = await clients.create([], clock.now())
    const answer = await post('revoke', `token=${token}`, { authorization: basic(other) })
    expect([answer.statusCode, answer.json().error]).toEqual([400, 'unauthorized_client'])
    expect(await accepts(token)).toBe(true)
  })

  it('wants the client to prove itself, and a token', async () => {
    expect((await post('revoke', 'token=a', { authorization: '' })).statusCode).toBe(401)
    expect((await post('revoke', 'a=b')).json()).toMatchObject({ error: 'invalid_request' })
  })
})
