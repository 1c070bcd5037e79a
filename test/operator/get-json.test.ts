import { expect, it, onTestFinished } from 'vitest'
import { jsonGetter } from '../../src/operator/get-json.ts'
import { answerJson, serveJson } from '../kube/json-server.ts'

function getter() {
  const { getJson, close } = jsonGetter()
  onTestFinished(close)
  return getJson
}
const never = new AbortController().signal

it('parses the answer', async () => {
  const { origin, asked } = await serveJson((_asked, response) => answerJson(response, 200, { state: 'ACTIVE' }))
  expect(await getter()(`${origin}/status`, never)).toEqual({ state: 'ACTIVE' })
  expect(asked).toMatchObject([{ method: 'GET', url: '/status' }])
})

it('rejects what is no success, and what comes too late', async () => {
  const getJson = getter()
  const failing = await serveJson((_asked, response) => answerJson(response, 503, {}))
  await expect(getJson(`${failing.origin}/status`, never)).rejects.toThrow('HTTP 503')
  const silent = await serveJson(() => {})
  await expect(getJson(`${silent.origin}/status`, AbortSignal.timeout(50))).rejects.toThrow()
})
