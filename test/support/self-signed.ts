import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A key and a certificate of `localhost` and 127.0.0.1 that is its own authority, good for a day. */
export async function selfSigned(): Promise<{ key: Buffer; cert: Buffer }> {
  const dir = await mkdtemp(join(tmpdir(), 'self-signed-'))
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const lasting = ['-days', '1', '-nodes']
  const command = ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...lasting, '-keyout', key, '-out', cert]
  await promisify(execFile)('openssl', command)
  const made = { key: await readFile(key), cert: await readFile(cert) }
  await rm(dir, { recursive: true })
  return made
}
