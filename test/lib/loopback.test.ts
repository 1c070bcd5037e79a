import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { serveHttp, textAnswer } from '../../src/lib/http-server.ts'
import { openLoopback } from '../../src/lib/loopback.ts'
import { selfSigned } from '../support/self-signed.ts'

const routes = { '/text': () => textAnswer(200, 'well') }
const own = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address

test.skipIf(!own)(
  'who listens on the address of a pod is reached by kubectl port-forward, which asks localhost',
  async () => {
    const endpoint = await serveHttp(own ?? '', 0, routes)
    for (const host of [own, '127.0.0.1']) {
      expect(await (await fetch(`http://${host}:${endpoint.port}/text`)).text()).toBe('well\n')
    }
    await endpoint.close()
    await expect(fetch(`http://127.0.0.1:${endpoint.port}/text`)).rejects.toThrow()
  },
)

test.skipIf(!own)('a port of localhost that somebody else has stays theirs', async () => {
  const theirs = await serveHttp('127.0.0.1', 0, routes)
  const endpoint = await serveHttp(own ?? '', theirs.port, {})
  expect((await fetch(`http://127.0.0.1:${endpoint.port}/text`)).status).toBe(200)
  await endpoint.close()
  await theirs.close()
})

test.skipIf(!own)('TLS is spoken there as well', async () => {
  const { key, cert } = await selfSigned()
  const server = createServer({ key, cert }, (_request, response) => response.end('well'))
  await once(server.listen({ host: own, port: 0 }), 'listening')
  const close = await openLoopback(server, own ?? '')
  const { port } = server.address() as AddressInfo
  const [answer] = (await once(get({ host: '127.0.0.1', port, ca: cert }), 'response')) as [IncomingMessage]
  expect(answer.statusCode).toBe(200)
  close()
  server.close()
  server.closeAllConnections()
})

test('an address of localhost is listened on alone', async () => {
  const endpoint = await serveHttp('127.0.0.2', 0, routes)
  await expect(fetch(`http://127.0.0.1:${endpoint.port}/text`)).rejects.toThrow()
  await endpoint.close()
})
