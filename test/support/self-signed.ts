import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  readonly key: Buffer
  readonly cert: Buffer
}

/**
 * A key and a certificate that is its own authority, good for a day.
 *
 * @param options whom it is for: its common name, and the hosts as openssl writes subjectAltName; default: `localhost` and 127.0.0.1
 */
export async function selfSigned({
  name = 'localhost',
  hosts = 'DNS:localhost,IP:127.0.0.1',
} = {}): Promise<Certificate> {
  const dir = await mkdtemp(join(tmpdir(), 'self-signed-'))
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${hosts}`, '-days', '1', '-out', cert]
  await promisify(execFile)('openssl', ['req', '-x509', ...newKey, ...subject])
  const made = { key: await readFile(key), cert: await readFile(cert) }
  await rm(dir, { recursive: true })
  return made
}
