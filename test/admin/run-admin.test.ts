import { createServer, Server } from 'node:net'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { adminConfigSchema } from '../../src/admin/config.ts'
import { type AdminOptions, runAdmin } from '../../src/admin/run-admin.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { MemoryKubeApi } from '../support/memory-kube-api.ts'

const options: AdminOptions = {
  api: new MemoryKubeApi() as unknown as KubeApi,
  config: adminConfigSchema.parse({ realm: 'dev', kafka: { bootstrapServers: ['k:9092'] }, shutdownDelaySeconds: 0 }),
  idCounter: { namespace: 'install', name: 'ids' },
  connectorNamespace: 'games',
  authenticator: { authenticate: async () => ({ subject: 'test', allows: async () => true }) },
  listTopics: async () => [],
  listen: { address: '127.0.0.1', port: 0 },
  healthPort: 0,
  registry: new Registry(),
  clock: systemClock,
  logger: createLogger('silent'),
}

test('a health port that is taken is an error that names its own flag', async () => {
  const other = createServer()
  onTestFinished(() => void other.close())
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port: healthPort } = other.address() as { port: number }
  await expect(
    runAdmin({ ...options, registry: new Registry(), healthPort }, new AbortController().signal),
  ).rejects.toThrow(
    `cannot listen on 127.0.0.1, port ${healthPort} (--listen-address and --health-port choose another)`,
  )
})

test('all interfaces are those that the machine has: without an address nobody asks for IPv6', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen')
  onTestFinished(() => listen.mockRestore())
  const stop = new AbortController()
  await runAdmin({ ...options, listen: { address: '', port: 0 } }, stop.signal, () => stop.abort())
  // Node.js takes IPv6 where there is any, else IPv4; told to take IPv6 it fails where there is none.
  expect(listen.mock.calls.map(([{ host }]) => host || undefined)).toEqual([undefined, undefined])
})
