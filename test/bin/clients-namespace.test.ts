import { expect, it, onTestFinished, vi } from 'vitest'
import { clientsCommand } from '../../src/bin/clients.ts'
import { answerJson, serveJson } from '../kube/json-server.ts'
import { kubeconfigTo } from './kubeconfig.ts'

/** What `clients create` prints on standard error, on an API server where the issuer's Secret is in this namespace. */
async function toldByCreate(namespaceOfSecret: string): Promise<string> {
  const { origin } = await serveJson(({ method, url, body }, response) => {
    if (method !== 'GET') return answerJson(response, 200, JSON.parse(body))
    const metadata = { namespace: namespaceOfSecret, name: 'analytics-connector-oauth-clients' }
    if (url.includes(`/namespaces/${namespaceOfSecret}/`)) return answerJson(response, 200, { metadata })
    answerJson(response, 404, { kind: 'Status', reason: 'NotFound', message: 'not found' })
  })
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => void vi.restoreAllMocks())
  const args = ['create', '--permission', 'ADMIN:ROLE=READ', '--kubeconfig', kubeconfigTo(origin)]
  expect(await clientsCommand.run(args)).toBe(0)
  return stderr.mock.calls.map(([text]) => String(text)).join('')
}

it('tells of a namespace that looks like that of no REST API: its client would be refused with "client id or secret is wrong"', async () => {
  const told = await toldByCreate('elsewhere')
  expect(told).toMatch(/namespace n has no Secret analytics-connector-oauth-clients.* --namespace names another\n$/)
})

it('is silent where the Secret is, as an install brings it', async () => {
  expect(await toldByCreate('n')).toBe('')
})
