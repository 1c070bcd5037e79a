import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectionSecurity } from '../../../src/sink/kafka/connection-security.ts'
import { SecretFiles } from '../../../src/sink/secret-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kafka-secrets-'))
})
afterEach(() => rm(dir, { recursive: true }))

const mount = (files: Record<string, string>) =>
  Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(dir, name), text)))

test('authority, certificate and key are those that are mounted when a connection opens', async () => {
  const tls = { authorities: 'mounted', certificate: 'mounted' } as const
  const security = connectionSecurity({ tls }, new SecretFiles(dir), new FakeClock())
  for (const version of ['first', 'second']) {
    await mount({ 'ca.crt': `${version} ca`, 'tls.crt': `${version} crt`, 'tls.key': `${version} key` })
    expect(await security.tls()).toEqual({ ca: `${version} ca`, cert: `${version} crt`, key: `${version} key` })
  }
})

test('user name and password are those that are mounted when a connection authenticates, again in a session too', async () => {
  const security = connectionSecurity(
    { tls: { authorities: 'system', certificate: 'none' }, sasl: { mechanism: 'PLAIN' } },
    new SecretFiles(dir),
    new FakeClock(),
  )
  const shown: string[] = []
  const logger = { namespace: () => logger, error() {}, warn() {}, info() {}, debug() {} }
  const exchange = {
    host: 'kafka',
    port: 9093,
    logger,
    saslAuthenticate: async ({ request }: { request: { encode(): Promise<unknown> } }) => {
      shown.push(String(await request.encode()))
    },
  }
  // One connection: kafkajs asks its provider again before the session ends (KIP-368).
  const provider = security.sasl()?.authenticationProvider(exchange)
  for (const version of ['first', 'second']) {
    await mount({ username: `${version}-user`, password: `${version}-password\n` })
    await provider?.authenticate()
    expect(shown.at(-1)).toContain(`${version}-user\0${version}-password`)
  }
})
