import { expect, it, onTestFinished, vi } from 'vitest'
import { clientsCommand } from '../../src/bin/clients.ts'
import { answerJson, serveJson } from '../kube/json-server.ts'
import { kubeconfigTo } from './kubeconfig.ts'

const encoded = (document: unknown) => Buffer.from(JSON.stringify(document)).toString('base64')

/** The issuer's Secrets on an API server whose clock is so much ahead of ours, and a kubeconfig that leads there. */
async function anIssuer(aheadMs = 0) {
  const serverNow = () => Date.now() + aheadMs
  const isAway = { revocations: false }
  const documents: Record<string, unknown> = {
    clients: [{ id: 'ci', hash: 'h', permissions: [], createdAt: '2026-03-01T12:00:00Z' }],
    revocations: { tokens: [], clients: [] },
  }
  const { origin } = await serveJson(({ method, url, body }, response) => {
    if (url === '/version') return answerJson(response, 200, {}, { date: new Date(serverNow()).toUTCString() })
    const name = url.slice(url.lastIndexOf('-') + 1)
    if (method === 'PUT' && name === 'revocations' && isAway.revocations) return answerJson(response, 503, {})
    const { data } = method === 'PUT' ? JSON.parse(body) : { data: { [`${name}.json`]: encoded(documents[name]) } }
    documents[name] = JSON.parse(Buffer.from(data[`${name}.json`], 'base64').toString())
    answerJson(response, 200, { metadata: { namespace: 'n', name: `analytics-connector-oauth-${name}` }, data })
  })
  const kubeconfig = kubeconfigTo(origin)
  return {
    documents,
    isAway,
    serverNow,
    remove: () => clientsCommand.run(['delete', 'ci', '--kubeconfig', kubeconfig]),
  }
}

it('deletes no client whose tokens it cannot void: said again, it does both', async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  onTestFinished(() => void vi.restoreAllMocks())
  const { documents, isAway, remove } = await anIssuer()
  isAway.revocations = true
  await expect(remove()).rejects.toMatchObject({ status: 503 })
  isAway.revocations = false
  expect(await remove()).toBe(0)
  expect(documents).toMatchObject({ clients: [], revocations: { clients: [{ id: 'ci' }] } })
})

it.each([
  ['behind', 3_600_000],
  ['ahead', -3_600_000],
])(
  'voids by the API server’s clock where its own is %s: all tokens until now, and none that was void comes back',
  async (_what, aheadMs) => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    onTestFinished(() => void vi.restoreAllMocks())
    const { documents, serverNow, remove } = await anIssuer(aheadMs)
    const seconds = () => Math.floor(serverNow() / 1000)
    const voided = { tokenId: 'void', expiresAt: seconds() + 600, fingerprint: ['1', '2'] }
    documents.revocations = { tokens: [voided], clients: [] }
    const began = seconds()
    expect(await remove()).toBe(0)
    const { tokens, clients } = documents.revocations as { tokens: unknown[]; clients: { revokedAt: number }[] }
    expect(tokens).toEqual([voided])
    expect(clients[0]?.revokedAt).toBeGreaterThanOrEqual(began)
    expect(clients[0]?.revokedAt).toBeLessThanOrEqual(seconds())
  },
)

it('is not over before a client that is made anew under the same id can have tokens that count', async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  onTestFinished(() => void vi.restoreAllMocks())
  const { documents, serverNow, remove } = await anIssuer(500)
  expect(await remove()).toBe(0)
  const [revoked] = (documents.revocations as { clients: { revokedAt: number }[] }).clients
  expect(Math.floor(serverNow() / 1000)).toBeGreaterThan(revoked?.revokedAt ?? Number.NaN)
})
