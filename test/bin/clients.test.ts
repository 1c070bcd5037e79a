import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { clientsCommand } from '../../src/bin/clients.ts'

const KUBECONFIG = ['--kubeconfig', 'no-such-file']

it.each([
  [[], 'say create, list, or delete'],
  [['show'], 'say create, list, or delete'],
  [['create'], 'at least one --permission'],
  [['create', 'a', 'b', '--permission', 'ADMIN:ROLE=READ'], 'what is "b"?'],
  [['create', '--permission', 'ADMIN:ROLE'], '--permission must be'],
  [['list', 'a'], 'say create, list, or delete'],
  [['list', '--permission', 'ADMIN:ROLE=READ'], '--permission is for create'],
  [['delete'], 'say create, list, or delete'],
])('refuses %j before it looks for a cluster', async (args, problem) => {
  await expect(clientsCommand.run([...args, ...KUBECONFIG])).rejects.toThrow(
    expect.objectContaining({ name: 'FlagError', message: expect.stringContaining(problem) }),
  )
})

it('takes an empty KUBECONFIG for none, as kubectl does', async () => {
  for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST']) vi.stubEnv(name, '')
  vi.stubEnv('HOME', '/nowhere')
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(clientsCommand.run(['list'])).rejects.toThrow('no kubeconfig: set KUBECONFIG or give --kubeconfig')
})

it('takes all files of KUBECONFIG that are there, as kubectl does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  writeFileSync(first, JSON.stringify({ 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k' } }] }))
  writeFileSync(second, JSON.stringify({ clusters: [] }))
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '')
  vi.stubEnv('KUBECONFIG', [join(folder, 'missing'), first, second].join(delimiter))
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(clientsCommand.run(['list'])).rejects.toThrow(`kubeconfig ${first}, ${second} has no current context`)
})
