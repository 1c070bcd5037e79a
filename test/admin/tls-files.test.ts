/** TLS from files, with certificates that openssl makes. */
import { mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { followTls, TlsFiles } from '../../src/admin/tls-files.ts'
import { selfSigned } from '../support/self-signed.ts'
import { anAdmin, V1 } from './fixture.ts'

const LOOK_EVERY_MS = 30_000
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tls-'))
  for (const name of ['first', 'second']) await makeCertificate(name)
})
afterAll(() => rm(dir, { recursive: true }))

const certOf = (name: string) => join(dir, `${name}.crt`)
const keyOf = (name: string) => join(dir, `${name}.key`)

async function makeCertificate(name: string): Promise<void> {
  const { key, cert } = await selfSigned({ name })
  await writeFile(keyOf(name), key)
  await writeFile(certOf(name), cert)
}

/** Makes `path` a link to `target` in one step, as the kubelet replaces the files of a Secret. */
async function point(path: string, target: string): Promise<void> {
  await symlink(target, `${path}.next`)
  await rename(`${path}.next`, path)
}

/** A server with the first certificate, whose files can be replaced. */
async function serving() {
  const mounted = await mkdtemp(join(dir, 'mounted-'))
  const certFile = join(mounted, 'tls.crt')
  const keyFile = join(mounted, 'tls.key')
  await point(certFile, certOf('first'))
  await point(keyFile, keyOf('first'))
  const log: string[] = []
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    log.push(JSON.parse(String(chunk)).msg)
    done()
  }
  const logger = pino({ level: 'info' }, new Writable({ write }))
  const tls = new TlsFiles({ certFile, keyFile })
  const { app, clock } = anAdmin({}, { tls, logger })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const stop = new AbortController()
  const following = followTls(tls, app, { clock, logger }, stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await following
    await app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { port, certFile, keyFile, log, look: () => clock.advance(LOOK_EVERY_MS) }
}

/** A request over a new connection that trusts one certificate only. */
async function call(port: number, trusted: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca: await readFile(certOf(trusted)) })
  socket.write(`GET ${V1}/connectors HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\nconnection: close\r\n\r\n`)
  return text(socket)
}

test('the API is served over TLS only, and says that it stays so', async () => {
  const { port } = await serving()
  const answer = await call(port, 'first')
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toContain('strict-transport-security: max-age=31536000')
  await expect(call(port, 'second')).rejects.toThrow(/self-signed certificate/)
  await expect(fetch(`http://127.0.0.1:${port}${V1}/connectors`)).rejects.toThrow()
})

test('a renewed certificate is used by new connections, without a restart, and those that are open go on', async () => {
  const { port, certFile, keyFile, look, log } = await serving()
  const open = connect({ host: '127.0.0.1', port, ca: await readFile(certOf('first')) })
  await new Promise((resolve) => open.once('secureConnect', resolve))
  await point(certFile, certOf('second'))
  await point(keyFile, keyOf('second'))
  await look()
  expect(await call(port, 'second')).toMatch(/^HTTP\/1\.1 200 /)
  await expect(call(port, 'first')).rejects.toThrow(/self-signed certificate/)
  open.write(`GET ${V1}/connectors HTTP/1.1\r\nhost: a\r\nauthorization: Bearer all\r\nconnection: close\r\n\r\n`)
  expect(await text(open)).toMatch(/^HTTP\/1\.1 200 /)
  await look()
  expect(log.filter((line) => line === 'the renewed certificate is in use')).toHaveLength(1)
})

test('a half renewed pair is not used until it is whole', async () => {
  const { port, certFile, keyFile, look, log } = await serving()
  await point(certFile, certOf('second'))
  await look()
  expect(await call(port, 'first')).toMatch(/^HTTP\/1\.1 200 /)
  expect(log).toContain('the renewed certificate cannot be used, the old one goes on')
  await point(keyFile, keyOf('second'))
  await look()
  expect(await call(port, 'second')).toMatch(/^HTTP\/1\.1 200 /)
})

test.each([
  ['never begins its handshake', ''],
  ['never ends its handshake', '\x16\x03\x01\x02\x00\x01'],
  ['speaks HTTP', 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'],
])('a client that %s is cut off in time', async (_what, bytes) => {
  const tls = new TlsFiles({ certFile: certOf('first'), keyFile: keyOf('first') })
  const { app } = anAdmin({}, { tls, timeouts: { headMs: 300, requestMs: 600, silenceMs: 900, lookEveryMs: 50 } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => app.close())
  const { port } = app.server.address() as { port: number }
  const begunMs = performance.now()
  const socket = connectTcp({ host: '127.0.0.1', port })
  socket.write(bytes, 'latin1')
  await text(socket).catch(() => 'reset')
  expect(performance.now() - begunMs).toBeLessThan(3_000)
})

describe('at the start, files that cannot be used are named with what is wrong', () => {
  const NOWHERE = '/nowhere/tls.pem'
  test.each([
    ['a missing certificate', () => [NOWHERE, keyOf('first')], `tls.certFile: ${NOWHERE} cannot be read`],
    ['a missing key', () => [certOf('first'), NOWHERE], `tls.keyFile: ${NOWHERE} cannot be read`],
    ['a key as the certificate', () => [keyOf('first'), keyOf('first')], 'must hold a certificate in PEM'],
    ['a certificate as the key', () => [certOf('first'), certOf('first')], 'must hold a private key in PEM'],
    ['an empty file', () => [join(dir, 'empty'), keyOf('first')], 'must hold a certificate in PEM'],
    ["another certificate's key", () => [certOf('first'), keyOf('second')], 'must hold the key of the certificate in'],
  ])('%s', async (_what, files, message) => {
    await writeFile(join(dir, 'empty'), '')
    const [certFile = '', keyFile = ''] = files()
    expect(() => anAdmin({}, { tls: new TlsFiles({ certFile, keyFile }) })).toThrow(message)
  })
})
