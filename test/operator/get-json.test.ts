import type { ServerResponse } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { jsonGetter } from '../../src/operator/get-json.ts'
import { answerJson, serveJson } from '../kube/json-server.ts'

function getter() {
  const { getJson, close } = jsonGetter()
  onTestFinished(close)
  return getJson
}
const never = new AbortController().signal

/** As lib/http-server answers. */
function answer(response: ServerResponse, body: string, length = Buffer.byteLength(body)): void {
  response.writeHead(200, { 'content-length': length })
  response.write(body)
  response.end()
}

it('parses the answer, and closes its connection', async () => {
  const text = JSON.stringify({ state: 'FAILED', error: '桶 is missing', padding: 'x'.repeat(200_000) })
  const { origin, asked } = await serveJson((_asked, response) => answer(response, text))
  expect(await getter()(`${origin}/status`, never)).toEqual(JSON.parse(text))
  expect(asked).toMatchObject([{ method: 'GET', url: '/status', headers: { connection: 'close' } }])
})

it('rejects what is no success, and what comes too late', async () => {
  const getJson = getter()
  const failing = await serveJson((_asked, response) => answerJson(response, 503, {}))
  await expect(getJson(`${failing.origin}/status`, never)).rejects.toThrow('HTTP 503')
  const silent = await serveJson(() => {})
  await expect(getJson(`${silent.origin}/status`, AbortSignal.timeout(50))).rejects.toThrow('timeout')
})

it('rejects an answer that is cut off, without a length, too long or no JSON, and a port where nobody listens', async () => {
  const getJson = getter()
  const ask = async (respond: (response: ServerResponse) => void) => {
    const { origin } = await serveJson((_asked, response) => respond(response))
    return getJson(`${origin}/status`, never)
  }
  const cutOff = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': 9 }).write('{}')
    setImmediate(() => response.socket?.end())
  }
  await expect(ask(cutOff)).rejects.toThrow('2 bytes of an answer of 9')
  await expect(ask((response) => response.socket?.end())).rejects.toThrow('closed without an answer')
  await expect(ask((response) => answerJson(response, 200, {}))).rejects.toThrow('unknown length')
  await expect(ask((response) => answer(response, '<html>'))).rejects.toThrow('JSON')
  await expect(ask((response) => answer(response, ' '.repeat(1_100_000)))).rejects.toThrow('longer than 1048576')
  await expect(getJson('http://127.0.0.1:1/status', never)).rejects.toThrow('ECONNREFUSED')
})

it('ends what is under way when it is closed', async () => {
  const { getJson, close } = jsonGetter()
  const { origin } = await serveJson(() => close())
  await expect(getJson(`${origin}/status`, never)).rejects.toThrow('the operator ends')
})
