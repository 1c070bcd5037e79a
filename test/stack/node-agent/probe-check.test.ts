import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aContainer } from './fixtures.ts'
import type { Probe } from './pod.ts'
import { checkProbe } from './probe-check.ts'

let server: Server
let port: number

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url !== '/hang') response.writeHead(Number(request.url?.slice(1))).end(request.headers['x-probe'])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function check(probe: Probe) {
  const run = async (argv: readonly string[]) => ({ exitCode: Number(argv[0]), output: 'said' })
  const container = aContainer({ ports: [{ name: 'http', containerPort: port }] })
  return checkProbe(probe, { podIP: '127.0.0.1', container, run })
}

describe('an http probe', () => {
  test.each([
    [200, true],
    [302, true],
    [399, true],
    [400, false],
    [503, false],
  ])('answered with %i succeeds: %s', async (status, ok) => {
    const result = await check({ httpGet: { path: `/${status}`, port: 'http' } })
    expect(result).toEqual({ ok, message: `HTTP probe failed with statuscode: ${status}` })
  })

  test('fails after its timeout', async () => {
    const result = await check({ httpGet: { path: '/hang', port }, timeoutSeconds: 0.05 })
    expect(result).toEqual({ ok: false, message: `Get "http://127.0.0.1:${port}/hang": context deadline exceeded` })
  })

  test('fails where nobody listens', async () => {
    expect(await check({ httpGet: { port: 1 } })).toMatchObject({
      ok: false,
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('fails for a port name that the container does not have', async () => {
    const message = `couldn't find port: "admin" in container "web"`
    expect(await check({ httpGet: { port: 'admin' } })).toEqual({ ok: false, message })
  })
})

test('a tcp probe succeeds where somebody listens and nowhere else', async () => {
  expect(await check({ tcpSocket: { port: 'http' } })).toMatchObject({ ok: true })
  expect(await check({ tcpSocket: { port: 1 } })).toMatchObject({ ok: false })
})

test('an exec probe goes by the exit code', async () => {
  expect(await check({ exec: { command: ['0'] } })).toEqual({ ok: true, message: 'said' })
  expect(await check({ exec: { command: ['1'] } })).toEqual({ ok: false, message: 'said' })
})

test('a kind of probe that is not there fails and says so', async () => {
  expect(await check({})).toEqual({ ok: false, message: 'this node agent has no such kind of probe' })
})
