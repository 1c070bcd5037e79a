/** Clients that mean no good, on real sockets: what they send is sent byte for byte. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { anAdmin, NEW_CONNECTOR, V1, V2 } from './fixture.ts'

const TIMEOUTS = { headMs: 300, requestMs: 600, silenceMs: 900, lookEveryMs: 50 }
const POST = `POST ${V1}/connectors HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\n`
const JSON_TYPE = 'content-type: application/json\r\n'

const admin = anAdmin(
  { rateLimits: { perClient: { perSecond: 1e5, burst: 1e6 }, refusals: { perSecond: 1e5, burst: 1e6 } } },
  { timeouts: TIMEOUTS },
)
let port = 0

beforeAll(async () => {
  await admin.app.listen({ host: '127.0.0.1', port: 0 })
  port = (admin.app.server.address() as { port: number }).port
})
afterAll(() => admin.app.close())

/** A connection that stays open until the server closes it, as an attacker's does. */
function open(): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

interface Answer {
  readonly status: number
  readonly head: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect of it
  readonly json: any
}

async function raw(bytes: string): Promise<Answer> {
  const socket = open()
  socket.write(bytes)
  const answer = await text(socket)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, json: body.startsWith('{') ? JSON.parse(body) : body }
}

const get = (path: string, headers = '') =>
  raw(`GET ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\nconnection: close\r\n${headers}\r\n`)
const post = (body: string) =>
  raw(`${POST}${JSON_TYPE}connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)

/** As the server counts them: one that only its side has ended is still there. */
async function untilConnections(wanted: number): Promise<void> {
  const { server } = admin.app
  const count = promisify(server.getConnections.bind(server))
  while ((await count()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** The server answers as before. */
async function expectWell(): Promise<void> {
  expect((await get(`${V1}/connectors`)).status).toBe(200)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
}

describe('a client that is slow on purpose is cut off in time', () => {
  test.each([
    ['says nothing', '', '', TIMEOUTS.headMs],
    ['never ends its head', POST, 'x: y\r\n', TIMEOUTS.headMs],
    ['never ends its body', `${POST}${JSON_TYPE}content-length: 100000\r\n\r\n`, ' ', TIMEOUTS.requestMs],
    [
      'never ends its chunks',
      `${POST}${JSON_TYPE}transfer-encoding: chunked\r\n\r\n`,
      '1\r\n \r\n',
      TIMEOUTS.requestMs,
    ],
  ])('one that %s', async (_what, first, drop, limitMs) => {
    const begunMs = performance.now()
    const socket = open()
    socket.write(first)
    const dripping = setInterval(() => socket.writable && socket.write(drop), 20)
    onTestFinished(() => clearInterval(dripping))
    const answered = text(socket).catch(() => 'reset')
    await untilConnections(1)
    await untilConnections(0)
    const tookMs = performance.now() - begunMs
    expect(tookMs).toBeGreaterThan(limitMs * 0.9)
    expect(tookMs).toBeLessThan(limitMs + 2_000)
    expect(await answered).toMatch(/^(reset|HTTP\/1\.1 408 .*"errorMessage":"the request took too long"\})$/s)
    await expectWell()
  })
})

/** Whether TCP on the server's side asks an idle connection from time to time (`tr` 02, proc(5)). */
function isKeptAlive({ localPort = 0 }: Socket): boolean {
  const [ours, theirs] = [port, localPort].map((each) => `:${each.toString(16).toUpperCase().padStart(4, '0')} `)
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return lines.some((line) => new RegExp(`^ *\\d+: \\w+${ours}\\w+${theirs}01 \\S+ 02:`).test(line))
}

test('a client that only rests between two requests is not cut off, nor forgotten by what is between', async () => {
  const socket = open()
  for (const restMs of [TIMEOUTS.silenceMs + 500, 0]) {
    socket.write(`GET ${V1}/connectors HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\n\r\n`)
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 200 /)
    await new Promise((resolve) => setTimeout(resolve, restMs))
  }
  await vi.waitFor(() => expect(isKeptAlive(socket)).toBe(true))
})

describe('a client that asks for the largest file again and again and takes nothing of it', () => {
  const ASK = 'GET /analytics-connector/apidocs/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n'

  test('takes no memory for each time', async () => {
    const before = process.memoryUsage().arrayBuffers
    open().pause().write(ASK.repeat(60))
    await vi.waitFor(expectWell, 10_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6)
  })

  test('is cut off in time', async () => {
    await untilConnections(0)
    const begunMs = performance.now()
    open().pause().write(ASK.repeat(20))
    await untilConnections(1)
    await untilConnections(0)
    expect(performance.now() - begunMs).toBeGreaterThan(TIMEOUTS.silenceMs * 0.9)
    await expectWell()
  })
})

describe('bodies', () => {
  test('one that says that it is larger than 1 MiB is refused before it is sent, and its connection is closed', async () => {
    const { status, json } = await raw(`${POST}${JSON_TYPE}content-length: 10000000000\r\n\r\n{`)
    expect([status, json.errorCode]).toEqual([413, 90004])
    await expectWell()
  })

  test.each([
    ['path', 'POST /nothing'],
    ['method of a path', `PATCH ${V1}/connectors`],
  ])('one for no %s that there is is not waited for, nor read', async (_what, line) => {
    const head = `${line} HTTP/1.1\r\nhost: a\r\n${JSON_TYPE}content-length: 1000000\r\n\r\n[`
    const begunMs = performance.now()
    const socket = open()
    socket.write(head)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 40[45] .*"errorCode":9000[23]/s)
    expect(performance.now() - begunMs).toBeLessThan(TIMEOUTS.requestMs)
    await expectWell()
  })

  test('one that does not say how large it is is refused at 1 MiB', async () => {
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const { status, json } = await raw(`${POST}${JSON_TYPE}transfer-encoding: chunked\r\n\r\n${chunk.repeat(17)}`)
    expect([status, json.errorCode]).toEqual([413, 90004])
    await expectWell()
  })

  test.each([
    ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['lists that do not end', '['.repeat(1_000_000)],
  ])('100,000 nested %s are refused at once', async (_what, body) => {
    const begunMs = performance.now()
    const { status, json } = await post(body)
    expect([status, json.errorCode]).toEqual([400, 20019])
    expect(performance.now() - begunMs).toBeLessThan(2_000)
    await expectWell()
  })

  test.each([
    ['__proto__', '{"__proto__":{"polluted":true}}', '__proto__: is not a field'],
    ['an escaped __proto__', '{"\\u005f_proto__":{"polluted":true}}', '__proto__: is not a field'],
    ['constructor', '{"constructor":{"prototype":{"polluted":true}}}', 'constructor: is not a field'],
    [
      'constructor in config',
      '{"config":{"constructor":{"prototype":{"polluted":true}}}}',
      'config.constructor: is not',
    ],
    ['prototype in config', '{"config":{"prototype":{"polluted":true}}}', 'config.prototype: is not a field'],
  ])('%s is no field', async (_what, body, message) => {
    const { status, json } = await post(body)
    expect([status, json.errorCode, json.errorMessage]).toEqual([400, 20002, expect.stringContaining(message)])
    await expectWell()
  })

  test('a name with a line break is refused, and the answer has no line break of it', async () => {
    const { status, head, json } = await post(
      JSON.stringify({ ...NEW_CONNECTOR, connectorName: 'a\r\nset-cookie: a=b' }),
    )
    expect([status, json.errorCode]).toEqual([400, 20002])
    expect(json.errorMessage).toContain('connectorName: "a\r\nset-cookie: a=b" is not allowed')
    expect(head).not.toMatch(/set-cookie/i)
  })
})

describe('paths that climb lead nowhere', () => {
  test.each([
    [`${V1}/connectors/../../../../etc/passwd`, 404, 90002],
    [`${V1}/connectors/%2e%2e`, 400, 20002],
    [`${V1}/connectors/%2e%2e%2f%2e%2e%2fsecrets`, 400, 20002],
    [`${V1}/connectors/1%2fstatus`, 400, 20002],
    [`${V1}/connectors/..%5c..%5csecrets`, 400, 20002],
    [`${V1}/connectors/%252e%252e%252f`, 400, 20002],
    [`${V1}/connectors/1%00`, 400, 20002],
    [`${V1}/tools/kafka/topics/game_telemetry%2f..%2f..`, 400, 20002],
    [`${V1}/tools/kafka/topics/%2e%2e%2fgame_telemetry`, 400, 20002],
    [`${V1}/tools/s3/policies/%2e%2e`, 400, 20002],
    [`${V2}/connectors/..%2f..%2fother%2fconnectors%2f1`, 400, 20002],
    [`${V2.replace('acme', '%2e%2e')}/connectors`, 400, 20002],
    ['/analytics-connector/apidocs/..%2f..%2fpackage.json', 404, 90002],
    ['/analytics-connector/apidocs/../../package.json', 404, 90002],
  ])('%s', async (path, status, errorCode) => {
    const answer = await get(path)
    expect([answer.status, answer.json.errorCode]).toEqual([status, errorCode])
  })
})

test('__proto__ and constructor in a query are no fields', async () => {
  for (const name of ['__proto__', 'constructor', '__proto__[polluted]']) {
    const { status, json } = await get(`${V1}/connectors?${name}=x`)
    expect([name, status, json.errorMessage]).toEqual([name, 400, expect.stringContaining('is not a field')])
  }
  await expectWell()
})

describe('a request id cannot bring a header or a line of the log with it', () => {
  test.each([
    ['two of them', 'x-request-id: a\r\nx-request-id: b\r\n'],
    ['bytes that are no ASCII', 'x-request-id: a\u00e9\u0001b\r\n'],
    ['an encoded line break', 'x-request-id: a%0d%0aset-cookie:b\r\n'],
    ['a line that is folded', 'x-request-id: a\r\n set-cookie: b\r\n'],
    ['a line feed alone', 'x-request-id: a\nset-cookie: b\r\n'],
  ])('%s', async (_what, header) => {
    const { status, head } = await get(`${V1}/connectors`, header)
    expect([200, 400]).toContain(status)
    expect(head).not.toMatch(/set-cookie/i)
    if (status === 200) expect(head).toMatch(/^x-request-id: [0-9a-f-]{36}\r?$/m)
  })
})
