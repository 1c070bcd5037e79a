import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadInCluster } from '../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../src/kube/http-kube-api.ts'
import { CONFIG_MAPS, CONNECTORS, DEPLOYMENTS, LEASES, PODS } from '../../src/kube/kinds.ts'
import { makeCertificates } from '../support/certificates.ts'
import { recordingServer } from '../support/recording-server.ts'
import { type Asked, answerJson, serveJson } from './json-server.ts'

const REF = { namespace: 'n', name: 'x' }
const WATCH = { resourceVersion: '7', timeoutSeconds: 300, idleTimeoutMs: 60_000 }

async function setUp(answer: (asked: Asked, response: ServerResponse) => void, path = '') {
  const { asked, origin } = await serveJson(answer)
  const requests: string[] = []
  const api = new HttpKubeApi({
    access: { server: `${origin}${path}`, namespace: 'n', tls: {}, authorization: async () => 'Bearer token' },
    userAgent: 'test/1',
    onRequest: (method, code) => requests.push(`${method} ${code}`),
  })
  onTestFinished(() => api.close())
  return { api, asked, requests }
}
const echo =
  (status: number, body: unknown, headers?: Record<string, string>) => (_asked: Asked, response: ServerResponse) =>
    answerJson(response, status, body, headers)

async function collect(events: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('HttpKubeApi', () => {
  it('asks under the paths of core and named groups, saying who it is', async () => {
    const { api, asked, requests } = await setUp(echo(200, { metadata: { name: 'x' } }))
    expect(await api.get(PODS, REF)).toEqual({ metadata: { name: 'x' } })
    await api.get(DEPLOYMENTS, REF)
    expect(asked.map(({ url }) => url)).toEqual([
      '/api/v1/namespaces/n/pods/x',
      '/apis/apps/v1/namespaces/n/deployments/x',
    ])
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer token', 'user-agent': 'test/1' })
    expect(requests).toEqual(['GET 200', 'GET 200'])
  })

  it.each(['/', '/k8s/clusters/c-m-x2x9k', '/k8s/clusters/c-m-x2x9k/'])(
    'asks and watches an API server that a kubeconfig names with the path %s, as that of a proxy for many clusters',
    async (path) => {
      const { api, asked } = await setUp(echo(200, { metadata: { name: 'x' } }), path)
      await api.get(PODS, REF)
      await collect(api.watch(PODS, { ...WATCH, namespace: 'n' }, AbortSignal.timeout(5_000))).catch(() => {})
      const base = path.replace(/\/$/, '')
      expect(asked.map(({ url }) => url.split('?')[0])).toEqual([
        `${base}/api/v1/namespaces/n/pods/x`,
        `${base}/api/v1/namespaces/n/pods`,
      ])
    },
  )

  it('has no request wait for one that hangs, where the server speaks HTTP/1.1 only: the leader would lose its lease', async () => {
    const { api } = await setUp(({ method }, response) => {
      if (method === 'GET') answerJson(response, 200, { metadata: { name: 'x' } })
    })
    const hanging = api.apply(DEPLOYMENTS, { metadata: { ...REF } }, { fieldManager: 'us' })
    hanging.catch(() => {})
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, 'late'))
    expect(await Promise.race([api.get(LEASES, REF), late])).toEqual({ metadata: { name: 'x' } })
  })

  it('asks what time it is for the API server', async () => {
    const { api, asked } = await setUp(echo(200, {}, { date: 'Sun, 01 Mar 2026 12:00:07 GMT' }))
    expect(await api.now()).toBe(Date.parse('2026-03-01T12:00:07Z'))
    expect(asked.map(({ url }) => url)).toEqual(['/version'])
    const { api: without } = await setUp((_asked, response) => {
      response.sendDate = false
      answerJson(response, 200, {})
    })
    await expect(without.now()).rejects.toMatchObject({ status: 0, cause: { message: 'the answer has no Date' } })
  })

  it('answers undefined for an object that is not there', async () => {
    const { api } = await setUp(echo(404, { reason: 'NotFound' }))
    expect(await api.get(PODS, REF)).toBeUndefined()
  })

  it('takes the null for a list, which an empty list of metadata has', async () => {
    const { api } = await setUp(echo(200, { items: null, metadata: { resourceVersion: '7' } }))
    expect(await api.list(CONFIG_MAPS, { metadataOnly: true }, { limit: 5 })).toEqual({
      items: [],
      resourceVersion: '7',
    })
  })

  it('applies by server-side apply with force, strictly, under its field manager', async () => {
    const { api, asked } = await setUp(echo(200, {}))
    const object = { metadata: { ...REF }, data: { a: '1' } }
    await api.apply(CONFIG_MAPS, object, { fieldManager: 'us' })
    const [{ method, url, headers, body } = { method: '', url: '', headers: {}, body: '' }] = asked
    expect([method, url]).toEqual([
      'PATCH',
      '/api/v1/namespaces/n/configmaps/x?fieldManager=us&force=true&fieldValidation=Strict',
    ])
    expect(headers['content-type']).toBe('application/apply-patch+yaml')
    expect(JSON.parse(body)).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', ...object })
  })

  it('lists a page of everything or of a namespace, with the token of the next, or all at once', async () => {
    const { api, asked } = await setUp(echo(200, { items: [{}], metadata: { resourceVersion: '9', continue: 'more' } }))
    expect(await api.list(PODS, { labelSelector: 'a=b' }, { limit: 5 })).toEqual({
      items: [{}],
      resourceVersion: '9',
      next: 'more',
    })
    await api.list(CONFIG_MAPS, { namespace: 'n', metadataOnly: true }, { limit: 5, next: 'more' })
    await api.list(PODS, {})
    await api.list(PODS, { namespace: 'n', name: 'x' })
    expect(asked.map(({ url }) => url)).toEqual([
      '/api/v1/pods?limit=5&labelSelector=a%3Db',
      '/api/v1/namespaces/n/configmaps?limit=5&continue=more',
      '/api/v1/pods',
      '/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3Dx',
    ])
    expect(asked[1]?.headers.accept).toContain('as=PartialObjectMetadataList')
  })

  it('deletes one object by its uid and does not mind that it is gone or replaced', async () => {
    const statuses = [200, 404, 409]
    const { api, asked } = await setUp((_asked, response) => answerJson(response, statuses.shift() ?? 500, {}))
    for (let i = 0; i < 3; i++) await api.delete(PODS, REF, { uid: 'uid-1' })
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ preconditions: { uid: 'uid-1' } })
    await expect(api.delete(PODS, REF, { uid: 'uid-1' })).rejects.toMatchObject({ status: 500 })
  })

  it.each([404, 409])(
    'does not take the denial of a webhook with the status %i for an object that is gone',
    async (code) => {
      const { api } = await setUp(echo(code, { message: 'admission webhook "keep.example.com" denied the request' }))
      await expect(api.delete(PODS, REF, { uid: 'uid-1' })).rejects.toMatchObject({ status: code })
    },
  )

  it('deletes one object only in the state that was read, where that is asked for', async () => {
    const statuses = [200, 404, 409]
    const { api, asked } = await setUp((_asked, response) => answerJson(response, statuses.shift() ?? 500, {}))
    const read = { uid: 'uid-1', resourceVersion: '7' }
    for (let i = 0; i < 2; i++) await api.delete(PODS, REF, read)
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ preconditions: read })
    await expect(api.delete(PODS, REF, read)).rejects.toMatchObject({ status: 409 })
  })

  it('throws what the server says, with how long to wait', async () => {
    const { api } = await setUp(echo(429, { reason: 'TooManyRequests', message: 'slow down' }, { 'retry-after': '2' }))
    await expect(api.create(CONNECTORS, { metadata: REF } as never)).rejects.toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
      message: 'POST /apis/analytics-connector.io/v1alpha1/namespaces/n/analyticsconnectors: slow down',
      retryAfterMs: 2_000,
    })
  })

  it('tells a server that does not answer from one that refuses', async () => {
    const { api, requests } = await setUp((_asked, response) => response.destroy())
    await expect(api.get(PODS, REF)).rejects.toMatchObject({ status: 0, reason: 'Unreachable' })
    expect(requests).toEqual(['GET <error>'])
  })

  it("believes the cluster's new authority as soon as it is mounted: the REST API would need a restart", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'authority-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await makeCertificates(dir)
    const [key, cert] = await Promise.all(['server.key', 'server.crt'].map((name) => readFile(join(dir, name))))
    if (!key || !cert) throw new Error('no certificate')
    const { origin } = await recordingServer(() => ({ status: 200, body: '{"metadata":{}}' }), { key, cert })
    const account = join(dir, 'account')
    await mkdir(account)
    await writeFile(join(account, 'token'), 'token')
    await writeFile(join(account, 'namespace'), 'n')
    await copyFile(join(dir, 'other-ca.crt'), join(account, 'ca.crt'))
    const access = await loadInCluster({ serviceHost: '127.0.0.1', servicePort: new URL(origin).port }, account)
    const api = new HttpKubeApi({ access, userAgent: 'test/1' })
    onTestFinished(() => api.close())
    const watch = () => collect(api.watch(PODS, WATCH, AbortSignal.timeout(5_000)))
    await expect(api.get(PODS, REF)).rejects.toMatchObject({ reason: 'Unreachable' })
    await expect(watch()).rejects.toMatchObject({ reason: 'Unreachable' })
    await copyFile(join(dir, 'ca.crt'), join(account, 'ca.crt'))
    expect(await api.get(PODS, REF)).toEqual({ metadata: {} })
    expect(await watch()).toEqual([])
  })

  it('watches from a resource version until the server ends it', async () => {
    const { api, asked, requests } = await setUp((_asked, response) => {
      response.end(`${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })}\n`)
    })
    const events = await collect(api.watch(PODS, WATCH, new AbortController().signal))
    expect(events).toMatchObject([{ type: 'ADDED' }])
    expect(asked[0]?.url).toBe('/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=7')
    expect(requests).toEqual(['WATCH 200'])
  })

  it('throws when a watch is cut or says nothing for too long', async () => {
    const cut = await setUp((_asked, response) => {
      response.write('{"type":"ADDED"')
      setTimeout(() => response.destroy(), 20)
    })
    await expect(collect(cut.api.watch(PODS, WATCH, new AbortController().signal))).rejects.toMatchObject({
      reason: 'Unreachable',
    })
    const silent = await setUp((_asked, response) => response.flushHeaders())
    const watching = collect(silent.api.watch(PODS, { ...WATCH, idleTimeoutMs: 100 }, new AbortController().signal))
    await expect(watching).rejects.toMatchObject({ reason: 'Unreachable' })
  })

  it('ends a watch when it is aborted', async () => {
    const { api } = await setUp((_asked, response) => response.flushHeaders())
    const stop = new AbortController()
    const watching = collect(api.watch(PODS, WATCH, stop.signal))
    setTimeout(() => stop.abort(), 50)
    await expect(watching).rejects.toThrow()
  })
})
