import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { loadClusterAccess, loadInCluster } from '../../src/kube/cluster-access.ts'

async function folder(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'access-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  return dir
}

const kubeconfig = (user: string) => `
apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: k, cluster: { server: "https://10.0.0.1:6443", certificate-authority-data: ${btoa('CA')} } }]
users: [{ name: u, user: ${user} }]
contexts: [{ name: c, context: { cluster: k, user: u, namespace: games } }]
`

describe('loadInCluster', () => {
  const files = { token: 'first\n', 'ca.crt': 'CA', namespace: 'analytics-connector' }

  it('reads address, namespace, certificate and token of the pod', async () => {
    const access = await loadInCluster({ serviceHost: '10.96.0.1', servicePort: '443' }, await folder(files))
    expect(access).toMatchObject({ server: 'https://10.96.0.1:443', namespace: 'analytics-connector' })
    expect(access.tls.ca?.toString()).toBe('CA')
    expect(await access.authorization()).toBe('Bearer first')
    const ipv6 = await loadInCluster({ serviceHost: 'fd00::1', servicePort: '443' }, await folder(files))
    expect(ipv6.server).toBe('https://[fd00::1]:443')
  })

  it('reads the token again after a minute: the kubelet replaces it', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const dir = await folder(files)
    const access = await loadInCluster({ serviceHost: '10.96.0.1' }, dir)
    await access.authorization()
    await writeFile(join(dir, 'token'), 'second')
    expect(await access.authorization()).toBe('Bearer first')
    vi.advanceTimersByTime(60_000)
    expect(await access.authorization()).toBe('Bearer second')
  })

  it('says what to do outside a pod', async () => {
    await expect(loadClusterAccess({})).rejects.toThrow(/set KUBECONFIG or give --kubeconfig/)
  })
})

describe('loadClusterAccess', () => {
  it('reads a kubeconfig with a token', async () => {
    const path = join(await folder({ config: kubeconfig('{ token: secret }') }), 'config')
    const access = await loadClusterAccess({ kubeconfig: path })
    expect(access).toMatchObject({ server: 'https://10.0.0.1:6443', namespace: 'games' })
    expect(access.tls.ca?.toString()).toBe('CA')
    expect(await access.authorization()).toBe('Bearer secret')
  })

  it('reads a kubeconfig with a client certificate, or with a password', async () => {
    const certificate = `{ client-certificate-data: ${btoa('CERT')}, client-key-data: ${btoa('KEY')} }`
    const dir = await folder({
      certificate: kubeconfig(certificate),
      password: kubeconfig('{ username: a, password: b }'),
    })
    const byCertificate = await loadClusterAccess({ kubeconfig: join(dir, 'certificate') })
    expect([byCertificate.tls.cert?.toString(), byCertificate.tls.key?.toString()]).toEqual(['CERT', 'KEY'])
    expect(await byCertificate.authorization()).toBeUndefined()
    const byPassword = await loadClusterAccess({ kubeconfig: join(dir, 'password') })
    expect(await byPassword.authorization()).toBe(`Basic ${btoa('a:b')}`)
  })

  it('asks an exec plugin again when its token has ended, not up to a minute later', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'], now: Date.parse('2026-03-01T12:00:00Z') })
    onTestFinished(() => void vi.useRealTimers())
    const dir = await folder({ asked: '' })
    const credential = '{"status":{"token":"%s","expirationTimestamp":"2026-03-01T12:15:00Z"}}'
    const script = `echo >> ${dir}/asked; printf '${credential}' $(wc -l < ${dir}/asked)`
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] }
    await writeFile(join(dir, 'config'), kubeconfig(JSON.stringify({ exec })))
    const access = await loadClusterAccess({ kubeconfig: join(dir, 'config') })
    vi.advanceTimersByTime(14 * 60_000 + 59_000)
    expect(await access.authorization()).toBe('Bearer 1')
    vi.advanceTimersByTime(2_000)
    expect(await access.authorization()).toBe('Bearer 2')
  })

  it('reads a kubeconfig whose token is in a file beside it, which goes before a token, and is read again', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const dir = await folder({ config: kubeconfig('{ token: old, tokenFile: ./token }'), token: 'first\n' })
    const access = await loadClusterAccess({ kubeconfig: join(dir, 'config') })
    expect(await access.authorization()).toBe('Bearer first')
    await writeFile(join(dir, 'token'), 'second\n')
    vi.advanceTimersByTime(62_000)
    expect(await access.authorization()).toBe('Bearer second')
  })

  it.each([
    [
      'a proxy',
      kubeconfig('{ token: t }').replace('server:', 'proxy-url: "http://proxy:3128", server:'),
      /cluster k: proxy-url/,
    ],
    ['another person to act as', kubeconfig('{ token: t, as: jane, as-groups: [readers] }'), /user u: as/],
    [
      'a user that is nowhere',
      kubeconfig('{ token: t }').replace('user: u', 'user: x'),
      /context c: there is no user x/,
    ],
  ])('refuses what it cannot do, rather than go on without it: %s', async (_what, text, problem) => {
    const path = join(await folder({ config: text }), 'config')
    await expect(loadClusterAccess({ kubeconfig: path })).rejects.toThrow(problem)
  })

  it('reads several as one, as kubectl does: the first that says something is right', async () => {
    const dir = await folder({
      contexts: kubeconfig('{ token: first }').replace(/^clusters.*$/m, 'clusters: []'),
      clusters: kubeconfig('{ token: second }').replace('current-context: c', 'current-context: other'),
    })
    const access = await loadClusterAccess({ kubeconfig: [join(dir, 'contexts'), join(dir, 'clusters')] })
    expect(access).toMatchObject({ server: 'https://10.0.0.1:6443', namespace: 'games' })
    expect(await access.authorization()).toBe('Bearer first')
  })

  it.each([
    ['names no cluster', 'apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n'],
    ['is empty', ''],
  ])('says when a kubeconfig %s', async (_what, config) => {
    const path = join(await folder({ config }), 'config')
    await expect(loadClusterAccess({ kubeconfig: path })).rejects.toThrow(/no current context/)
  })
})
