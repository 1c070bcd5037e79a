import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { type HttpEndpoint, jsonAnswer, serveHttp, textAnswer } from '../../src/lib/http-server.ts'

let endpoint: HttpEndpoint
beforeEach(async () => {
  endpoint = await serveHttp('127.0.0.1', 0, {
    '/text': () => textAnswer(503, 'not yet'),
    '/json': async () => jsonAnswer({ a: 1 }),
    '/broken': () => {
      throw new Error('out of order')
    },
  })
})
afterEach(() => endpoint.close())

const ask = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${endpoint.port}${path}`, init)

test('a path is answered with its status, type and body, whatever the query', async () => {
  const text = await ask('/text?verbose')
  expect([text.status, await text.text()]).toEqual([503, 'not yet\n'])
  const json = await ask('/json')
  expect([json.headers.get('content-type'), await json.json()]).toEqual(['application/json', { a: 1 }])
})

test('HEAD gets the head only', async () => {
  const answer = await ask('/json', { method: 'HEAD' })
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '8', ''])
})

test('other paths and methods are refused, and a failing route answers 500', async () => {
  const missing = await ask('/constructor')
  expect([missing.status, await missing.text()]).toEqual([404, 'not found; there are /text, /json, /broken\n'])
  expect((await ask('/json', { method: 'POST' })).status).toBe(405)
  const broken = await ask('/broken')
  expect([broken.status, await broken.text()]).toEqual([500, 'out of order\n'])
})

test('a port that is taken is an error that names the place and the flags', async () => {
  const taken = serveHttp('127.0.0.1', endpoint.port, {})
  await expect(taken).rejects.toThrow(`cannot listen on 127.0.0.1, port ${endpoint.port} (--listen-address and --port`)
  await expect(taken).rejects.toMatchObject({ cause: { code: 'EADDRINUSE' } })
})

test('what one packet asks for a hundred times is made twice, and answered each time', async () => {
  let made = 0
  const counting = await serveHttp('127.0.0.1', 0, {
    '/metrics': async () => {
      made++
      await new Promise((resolve) => setImmediate(resolve))
      return textAnswer(200, 'metrics')
    },
  })
  onTestFinished(() => counting.close())
  const socket = connect(counting.port, '127.0.0.1')
  socket.write(
    `${'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(99)}GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
  )
  expect((await textOf(socket)).match(/^metrics$/gm)).toHaveLength(100)
  expect(made).toBe(2)
})
