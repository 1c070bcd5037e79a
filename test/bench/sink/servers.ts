import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setDefaultCACertificates } from 'node:tls'
import { guardFolder } from '../../stack/native/guard.ts'
import { createBroker, installKafka } from '../../stack/native/kafka-server.ts'
import { versitygwBinary } from '../../stack/native/s3-build.ts'
import { createS3Server } from '../../stack/native/s3-server.ts'
import type { StackAddresses } from '../../stack/stack.ts'
import { readStackFolder } from '../../stack/stack-folder.ts'
import { makeCertificates } from '../../support/certificates.ts'

/** As S3 does, and versitygw does not by itself. */
const KEEP_ALIVE = ['--keep-alive']

export interface Servers extends Pick<StackAddresses, 's3' | 'kafkaBootstrapServers'> {
  /** File of the authority that the S3 server is trusted by; null: it answers over http. */
  readonly authority: string | null
  stop(): Promise<void>
}

/**
 * The servers of `npm run stack:up` where they run; otherwise a Kafka and an S3 server of this benchmark's own, and no Kubernetes.
 *
 * @param isTls whether the S3 server is to answer over https: then it is one of this benchmark's own
 */
export async function startServers(isTls: boolean, progress: (line: string) => void): Promise<Servers> {
  const running = isTls ? null : await readStackFolder()
  if (running) return { ...running.addresses, authority: null, stop: async () => {} }
  const [kafka, versitygw] = await Promise.all([installKafka({ progress }), versitygwBinary({ progress })])
  const dir = await mkdtemp(join(tmpdir(), 'bench-sink-'))
  guardFolder(dir)
  const root = { accessKeyId: 'bench-root', secretAccessKey: randomBytes(18).toString('base64url') }
  const broker = await createBroker(kafka, join(dir, 'kafka'), progress)
  const certificates = join(dir, 'certificates')
  if (isTls) await makeCertificates(certificates)
  const certificate = (name: string) => join(certificates, name)
  const authority = certificate('ca.crt')
  if (isTls) setDefaultCACertificates([await readFile(authority, 'utf8')])
  const options = {
    flags: KEEP_ALIVE,
    ...(isTls ? { tls: { key: certificate('server.key'), cert: certificate('server.crt') } } : {}),
  }
  const s3 = await createS3Server(versitygw, join(dir, 's3'), root, progress, options)
  await Promise.all([broker.server.start(), s3.server.start()])
  return {
    kafkaBootstrapServers: broker.bootstrapServers,
    s3: { endpoint: s3.endpoint, region: 'us-east-1', ...root },
    authority: isTls ? authority : null,
    stop: async () => {
      await Promise.all([broker.server.stop('SIGKILL'), s3.server.stop('SIGKILL')])
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
