import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { S3_MISHAPS, S3Proxy } from './s3-proxy.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** A server that remembers what it got, and a proxy before it. */
async function proxied(seed: number) {
  const received: string[] = []
  const server = createServer(async (req, res) => {
    const body = await req.toArray().catch(() => null)
    if (body !== null) received.push(`${req.method} ${req.url} ${req.headers.host} ${Buffer.concat(body)}`)
    res.setHeader('etag', '"1"').end(req.method === 'GET' ? 'body' : '')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await S3Proxy.to(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { seed, mostLateMs: 50 })
  ends.push(() => {
    proxy.close()
    server.close()
    server.closeAllConnections()
  })
  return { received, proxy }
}

const put = (proxy: S3Proxy) => fetch(`${proxy.endpoint}/b/k?x=1`, { method: 'PUT', body: 'lines' })

test('what it passes on is as it was, the host of the signature included', async () => {
  const { received, proxy } = await proxied(1)
  const answer = await put(proxy)
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"1"'])
  expect(received).toEqual([`PUT /b/k?x=1 ${new URL(proxy.endpoint).host} lines`])
  expect(await (await fetch(`${proxy.endpoint}/b/k`)).text()).toBe('body')
})

test('while it is down nobody is answered', async () => {
  const { received, proxy } = await proxied(1)
  proxy.isDown = true
  await expect(put(proxy)).rejects.toThrow()
  proxy.isDown = false
  expect((await put(proxy)).status).toBe(200)
  expect(received).toHaveLength(1)
})

/** How many complete requests the server gets of one, and what its sender sees of the answer. */
const SEEN: Record<(typeof S3_MISHAPS)[number], [number, number | 'none']> = {
  'refused with 503': [0, 503],
  'cut before it was read': [0, 'none'],
  'half of it written': [0, 'none'],
  'answer lost': [1, 'none'],
  'half of the answer written': [1, 'none'],
  'answered with 500': [1, 500],
  'arrived twice': [2, 200],
  'arrived late': [1, 200],
}

test('each mishap has the effect of its name', async () => {
  const left = new Set<string>(S3_MISHAPS)
  for (let seed = 1; left.size > 0; seed++) {
    const { received, proxy } = await proxied(seed)
    const mishaps: (typeof S3_MISHAPS)[number][] = []
    proxy.onMishap = (mishap) => mishaps.push(mishap)
    proxy.mishapRate = 1
    const status = await put(proxy).then(
      (answer) => answer.status,
      () => 'none' as const,
    )
    await proxy.idle()
    const [mishap] = mishaps
    if (!mishap) throw new Error('nothing happened')
    await eventually(1_000, () => expect([mishap, received.length, status]).toEqual([mishap, ...SEEN[mishap]]), 10)
    left.delete(mishap)
  }
})

test('an upload in parts is never begun twice: of two names its sender would know one', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const { proxy } = await proxied(seed)
    const heard: string[] = []
    proxy.onMishap = (mishap, operation) => heard.push(`${operation}: ${mishap}`)
    proxy.mishapRate = 1
    await fetch(`${proxy.endpoint}/b/k?uploads`, { method: 'POST' }).catch(() => {})
    await proxy.idle()
    expect(heard).toEqual([expect.stringMatching(/^CreateMultipartUpload: (?!arrived twice)/)])
  }
})
