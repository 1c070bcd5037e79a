import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clientCredentials } from '../../../src/sink/kafka/client-credentials.ts'
import { tokenSasl } from '../../../src/sink/kafka/sasl.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** What the endpoint answers; `tokens` counts the requests. */
let answer: { status: number; body: string }
let tokens: number
let server: Server
const clock = new FakeClock()

beforeEach(async () => {
  tokens = 0
  answer = { status: 200, body: '' }
  server = createServer((request, response) => {
    tokens++
    request.resume()
    response
      .writeHead(answer.status)
      .end(answer.body || JSON.stringify({ access_token: `t${tokens}`, expires_in: 100 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => server.close())

function source(secret = 'se:cret&') {
  return clientCredentials({
    tokenEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    clock,
    client: async () => ({ id: 'id', secret }),
    authorities: async () => null,
  })
}

describe('a token of the client credentials grant', () => {
  it('is used for the first part of its life, by all who ask at the same time, and then another is asked for', async () => {
    const { token } = source()
    expect(await Promise.all([token(), token()])).toEqual(['t1', 't1'])
    await clock.advance(69_000)
    expect(await token()).toBe('t1')
    await clock.advance(2_000)
    expect(await token()).toBe('t2')
  })

  it('that the broker refuses is not offered again, unless another has come meanwhile', async () => {
    const { token, refused } = source()
    expect(await token()).toBe('t1')
    const connection = {
      host: '127.0.0.1',
      port: 9092,
      logger: undefined as never,
      // As a broker answers: with a document.
      saslAuthenticate: async () => '{"status":"invalid_token"}' as never,
    }
    const { authenticate } = tokenSasl(token, refused).authenticationProvider(connection)
    await expect(authenticate()).rejects.toThrow('the token is refused: {"status":"invalid_token"}')
    expect(await token()).toBe('t2')
    refused('t1')
    expect(await token()).toBe('t2')
  })

  it('that the broker refuses by an error is not offered again either, and one whose connection broke is', async () => {
    const { token, refused } = source()
    let error = new Error('Closed connection')
    const connection = {
      host: '127.0.0.1',
      port: 9092,
      logger: undefined as never,
      saslAuthenticate: async () => {
        throw error
      },
    }
    const { authenticate } = tokenSasl(token, refused).authenticationProvider(connection)
    await expect(authenticate()).rejects.toThrow(error)
    expect(await token()).toBe('t1')
    // What kafkajs makes of the code 58.
    error = Object.assign(new Error('invalid token'), { type: 'SASL_AUTHENTICATION_FAILED' })
    await expect(authenticate()).rejects.toThrow(error)
    expect(await token()).toBe('t2')
  })

  it('is used to its end while the endpoint fails for now, and no longer where a person must act', async () => {
    const { token } = source()
    await token()
    await clock.advance(80_000)
    answer = { status: 503, body: '<html>' }
    expect(await Promise.all([token(), token()])).toEqual(['t1', 't1'])
    expect(tokens).toBe(2)
    answer = { status: 401, body: '{"error":"invalid_client"}' }
    await expect(token()).rejects.toThrow('answers 401 invalid_client')
    answer = { status: 503, body: '<html>' }
    expect(await token()).toBe('t1')
    await clock.advance(20_000)
    await expect(token()).rejects.toThrow('answers 503')
    answer = { status: 200, body: '' }
    expect(await token()).toBe('t6')
  })

  it('is asked for each time when the endpoint does not say how long it lives', async () => {
    answer.body = '{"access_token":"short"}'
    const { token } = source()
    await token()
    await token()
    expect(tokens).toBe(2)
  })

  it.each([
    [400, '{"error":"invalid_scope","error_description":"se:cret&"}', 'answers 400 invalid_scope'],
    [503, '<html>', 'answers 503'],
    [200, '{"token_type":"x"}', 'answers without an access_token'],
  ])(
    'is asked for again after a refusal (%i), which tells what was wrong and no secret',
    async (status, body, words) => {
      const { token } = source()
      answer = { status, body }
      const error: Error = await token().then(expect.fail, (e) => e)
      expect(error.message).toMatch(new RegExp(`^the token endpoint http://\\S+ ${words}$`))
      answer = { status: 200, body: '' }
      expect(await token()).toBe('t2')
    },
  )
})
