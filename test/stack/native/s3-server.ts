import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { ServerProcess } from './server-process.ts'

export interface S3Server {
  readonly server: ServerProcess
  readonly endpoint: string
}

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface S3ServerOptions {
  /** Of versitygw itself. */
  readonly flags?: readonly string[]
  readonly host?: string
  /** Files of the key and the certificate that it answers over https with. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** Prepares versitygw with objects, users and log under `dir` (absolute: it changes its working directory). */
export async function createS3Server(
  binary: string,
  dir: string,
  root: Credentials,
  onUnexpectedExit: (line: string) => void,
  { flags = [], host = '127.0.0.1', tls }: S3ServerOptions = {},
): Promise<S3Server> {
  const [port = 0] = await freePorts(1)
  const folders = { data: join(dir, 'data'), iam: join(dir, 'iam'), versions: join(dir, 'versions') }
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true })
  const endpoint = `${tls ? 'https' : 'http'}://${host}:${port}`
  const server = new ServerProcess({
    name: 's3',
    command: binary,
    args: [
      ...['--port', `${host}:${port}`, '--quiet', '--iam-dir', folders.iam, ...flags],
      ...(tls ? ['--key', tls.key, '--cert', tls.cert] : []),
      ...['posix', '--versioning-dir', folders.versions, folders.data],
    ],
    env: { ROOT_ACCESS_KEY: root.accessKeyId, ROOT_SECRET_KEY: root.secretAccessKey },
    cwd: dir,
    logPath: join(dir, 's3.log'),
    // Any answer will do: without credentials it is 403.
    isReady: async () => (await fetch(endpoint)).status > 0,
    onUnexpectedExit,
  })
  return { server, endpoint }
}
