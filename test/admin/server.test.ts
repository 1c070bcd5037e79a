/** What holds of every request: ids, log, limits, headers, metrics, and clients that mean no good. */
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Caller } from '../../src/admin/auth/authenticator.ts'
import { anAdmin, NEW_CONNECTOR, V1 } from './fixture.ts'

describe('request ids', () => {
  test('one that is sane is kept', async () => {
    const { send } = anAdmin()
    const { headers } = await send({ url: `${V1}/connectors`, headers: { 'x-request-id': 'trace-1.a' } })
    expect(headers['x-request-id']).toBe('trace-1.a')
  })

  test.each(['a b', 'x'.repeat(65), '{"a":1}', 'a\tb', ''])('%j is replaced', async (id) => {
    const { send } = anAdmin()
    const { headers } = await send({ url: `${V1}/connectors`, headers: { 'x-request-id': id } })
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
})

test('the log says who did what, and holds neither tokens nor what the query carries', async () => {
  const lines: string[] = []
  const logger = pino(
    { level: 'debug' },
    new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk))
        done()
      },
    }),
  )
  const { send } = anAdmin({}, { logger })
  await send({ url: `${V1}/connectors?access_token=secret-1`, headers: { 'x-request-id': 'r1' } })
  await send({ url: `${V1}/connectors`, token: 'secret-2' })
  const log = lines.join('')
  expect(log).not.toMatch(/secret-|Bearer/)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'request', requestId: 'r1', method: 'GET', path: `${V1}/connectors`, status: 400, client: 'all' },
    { msg: 'request', status: 401 },
  ])
})

describe('rate limits', () => {
  const limits = { perClient: { perSecond: 1, burst: 3 }, refusals: { perSecond: 0.1, burst: 2 } }

  test('a client that calls too often is told when to come back, others are not disturbed', async () => {
    const { send, clock } = anAdmin({ rateLimits: limits })
    const call = (token: string) => send({ url: `${V1}/connectors`, token })
    expect([(await call('all')).status, (await call('all')).status, (await call('all')).status]).toEqual([
      200, 200, 200,
    ])
    const refused = await call('all')
    expect([refused.status, refused.json.errorCode, refused.headers['retry-after']]).toEqual([429, 90008, '1'])
    expect((await call('read')).status).toBe(200)
    await clock.advance(1_000)
    expect((await call('all')).status).toBe(200)
  })

  test('an address that sends wrong tokens is not asked for more for a while', async () => {
    const { send } = anAdmin({ rateLimits: limits })
    const call = (token: string) => send({ url: `${V1}/connectors`, token })
    expect([(await call('x')).status, (await call('y')).status]).toEqual([401, 401])
    const refused = await call('z')
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '10'])
  })
})

test('metrics count by route, not by id', async () => {
  const registry = new Registry()
  const { send } = anAdmin({}, { registry })
  await send({ url: `${V1}/connectors/7` })
  await send({ url: `${V1}/connectors/8` })
  const metrics = await registry.metrics()
  expect(metrics).toContain(
    `analytics_connector_http_requests_total{method="GET",route="${V1}/connectors/:id",status="404"} 2`,
  )
  expect(metrics).toContain('analytics_connector_http_requests_in_flight 0')
})

test('every answer forbids to be guessed at or kept', async () => {
  const { send } = anAdmin()
  const { headers } = await send({ url: `${V1}/connectors` })
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
})

test('a line break in a value cannot become a header', async () => {
  const { send } = anAdmin()
  const { status, headers } = await send({ url: `${V1}/connectors/1%0d%0aset-cookie:%20a=b` })
  expect(status).toBe(400)
  expect(headers['set-cookie']).toBeUndefined()
})

describe('on a socket', () => {
  async function listening() {
    const { app } = anAdmin()
    await app.listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => app.close())
    const { port } = app.server.address() as { port: number }
    /** Sends bytes as they are; the whole answer. */
    const raw = (bytes: string) => {
      const socket = connect(port, '127.0.0.1')
      socket.write(bytes)
      return text(socket)
    }
    return { app, raw }
  }

  test('what is no HTTP gets an answer of ours too', async () => {
    const { raw } = await listening()
    const answer = await raw('GARBAGE\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer.split('\r\n\r\n')[1]).toBe('{"errorCode":90009,"errorMessage":"the request is malformed"}')
  })

  test('heads that are too large are refused', async () => {
    const { raw } = await listening()
    const answer = await raw(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('how long a client may take, and how many there may be, has limits', async () => {
    const { app } = await listening()
    expect(app.server.headersTimeout).toBe(10_000)
    expect(app.server.requestTimeout).toBe(30_000)
    expect(app.server.maxConnections).toBe(2_000)
  })

  test('a connection at rest is kept for longer than load balancers keep it: they would send a request into its end', async () => {
    const { app } = await listening()
    expect(app.server.keepAliveTimeout).toBeGreaterThan(600_000)
  })

  test('two bodies in one request, smuggled by length and encoding, are refused', async () => {
    const { raw } = await listening()
    const head = `POST ${V1}/connectors HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n`
    expect(await raw(`${head}0\r\n\r\nGET / HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  })

  test.each([
    ['before', '499'],
    ['after', '200'],
  ])('a request whose client has gone %s the answer is logged and counted too', async (when, status) => {
    const lines: string[] = []
    const registry = new Registry()
    const write = (line: string) => void lines.push(line)
    const begun = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<string[]>()
    const listTopics = () => {
      begun.resolve()
      return answered.promise
    }
    const { app } = anAdmin({}, { registry, listTopics, logger: pino({}, { write }) })
    await app.listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => app.close())
    const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
    const path = `${V1}/tools/kafka/topics/game_telemetry`
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\n\r\n`)
    await begun.promise
    if (when === 'after') {
      answered.resolve([])
      await new Promise((resolve) => socket.once('data', resolve))
    }
    socket.destroy()
    const connections = promisify(app.server.getConnections.bind(app.server))
    await vi.waitFor(async () => expect(await connections()).toBe(0))
    answered.resolve([])
    await vi.waitFor(() => expect(lines.some((line) => line.includes('"msg":"request"'))).toBe(true))
    expect(lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')).toMatchObject([
      { method: 'GET', path, status: Number(status), client: 'all' },
    ])
    const metrics = await registry.metrics()
    expect(metrics).toContain('analytics_connector_http_requests_in_flight 0')
    expect(metrics).toMatch(new RegExp(`requests_total{method="GET",route="[^"]*",status="${status}"} 1`))
  })

  test('a request whose client has gone before its body was read is no longer under way', async () => {
    const registry = new Registry()
    const asked = Promise.withResolvers<void>()
    const known = Promise.withResolvers<Caller>()
    const authenticate = () => {
      asked.resolve()
      return known.promise
    }
    const { app } = anAdmin({}, { registry, authenticator: { authenticate } })
    await app.listen({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => app.close())
    const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
    socket.write(
      `POST ${V1}/connectors HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    )
    await asked.promise
    socket.destroy()
    const connections = promisify(app.server.getConnections.bind(app.server))
    await vi.waitFor(async () => expect(await connections()).toBe(0))
    known.resolve({ subject: 'all', allows: async () => true })
    await vi.waitFor(async () =>
      expect(await registry.metrics()).toMatch(/requests_total\{method="POST",.*status="499"\} 1/),
    )
    expect(await registry.metrics()).toContain('analytics_connector_http_requests_in_flight 0')
  })

  test('requests under way are answered before the server ends', async () => {
    const { app, api } = anAdmin()
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const list = api.list.bind(api)
    api.list = async (...args) => {
      begun.resolve()
      await held.promise
      return list(...(args as Parameters<typeof list>)) as never
    }
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as { port: number }
    const answer = fetch(`http://127.0.0.1:${port}${V1}/connectors`, { headers: { authorization: 'Bearer all' } })
    await begun.promise
    const closed = app.close()
    held.resolve()
    expect((await answer).status).toBe(200)
    await closed
  })
})

test('HEAD answers as GET without the body', async () => {
  const { app } = anAdmin()
  const answer = await app.inject({ method: 'HEAD', url: `${V1}/connectors`, headers: { authorization: 'Bearer all' } })
  expect([answer.statusCode, answer.body]).toEqual([200, ''])
})

test('a body that is not needed may be sent with a content type and nothing in it', async () => {
  const { send, create } = anAdmin()
  const { id } = await create()
  const headers = { 'content-type': 'application/json' }
  expect((await send({ method: 'PUT', url: `${V1}/connectors/${id}/activate`, headers })).status).toBe(200)
  expect((await send({ method: 'PUT', url: `${V1}/connectors/${id}/activate`, body: '{}' })).status).toBe(200)
})

test('nothing has no type: what clients call it by themselves is not refused, but something of another type is', async () => {
  const { app, create } = anAdmin()
  const { id } = await create()
  const put = (type: string, payload: string) =>
    app.inject({
      method: 'PUT',
      url: `${V1}/connectors/${id}/activate`,
      headers: { authorization: 'Bearer all', 'content-type': type, 'content-length': String(payload.length) },
      payload,
    })
  for (const type of ['application/x-www-form-urlencoded', 'text/plain; charset=utf-8']) {
    expect((await put(type, '')).statusCode).toBe(200)
    expect((await put(type, 'a=b')).json()).toMatchObject({ errorCode: 90005 })
  }
})

test('a body in another encoding than UTF-8 is refused: nobody means the names that it would make', async () => {
  const { app, api } = anAdmin()
  const answer = await app.inject({
    method: 'POST',
    url: `${V1}/connectors`,
    headers: { authorization: 'Bearer all', 'content-type': 'application/json' },
    payload: Buffer.from(JSON.stringify({ ...NEW_CONNECTOR, filter: { acmé: ['*'] } }), 'latin1'),
  })
  expect([answer.statusCode, answer.json().errorCode]).toEqual([400, 20019])
  expect(api.calls).not.toContain('create analyticsconnectors')
})

test('a body that begins with a byte order mark, as editors of Windows save a file, is read', async () => {
  const { send } = anAdmin()
  const body = `\ufeff${JSON.stringify(NEW_CONNECTOR)}`
  expect(await send({ method: 'POST', url: `${V1}/connectors`, body })).toMatchObject({ status: 201 })
})

test('a charset in the content type is no other content type', async () => {
  const { send } = anAdmin()
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const { status } = await send({ method: 'POST', url: `${V1}/connectors`, body: NEW_CONNECTOR, headers })
  expect(status).toBe(201)
})

describe('filters of the list', () => {
  test.each([
    ['?connectorName=game-events', ['game-events']],
    ['?connectorName=other', ['other']],
    ['?connectorName=game', []],
    ['?connectorState=STARTING', ['other']],
    ['?connectorState=INACTIVE&storageType=KAFKA_S3', ['game-events']],
  ])('%s', async (query, names) => {
    const { send, create } = anAdmin()
    await create()
    const { id } = await create({ connectorName: 'other' })
    await send({ method: 'PUT', url: `${V1}/connectors/${id}/activate` })
    const { json } = await send({ url: `${V1}/connectors${query}` })
    expect(json.map(({ connectorName }: { connectorName: string }) => connectorName.slice(0, -7))).toEqual(names)
  })
})
