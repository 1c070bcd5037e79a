import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { defined } from '../../../src/lib/defined.ts'

/** What is needed to talk to one API server as one identity. PEM texts. */
export interface Connection {
  readonly server: string
  readonly ca?: string
  readonly token?: string
  readonly clientCertificate?: string
  readonly clientKey?: string
}

type Entry = Readonly<Record<string, string | undefined>>

interface KubeconfigFile {
  readonly 'current-context': string
  readonly contexts: readonly {
    readonly name: string
    readonly context: { readonly cluster: string; readonly user: string }
  }[]
  readonly clusters: readonly { readonly name: string; readonly cluster: Entry }[]
  readonly users: readonly { readonly name: string; readonly user: Entry }[]
}

/**
 * Reads the current context of a kubeconfig file: server, CA, bearer token or client certificate.
 * Exec plugins, proxies and `insecure-skip-tls-verify` are not read.
 *
 * @throws Error when the current context, its cluster or its user is missing
 */
export function readKubeconfig(path: string): Connection {
  const file = parse(readFileSync(path, 'utf8')) as KubeconfigFile
  const { context } = named(file.contexts, file['current-context'], path)
  const { cluster } = named(file.clusters, context.cluster, path)
  const { user } = named(file.users, context.user, path)
  const pem = (entry: Entry, key: string) => pemOf(entry, key, dirname(path))
  return {
    server: cluster.server ?? '',
    ...defined({
      ca: pem(cluster, 'certificate-authority'),
      token: user.token,
      clientCertificate: pem(user, 'client-certificate'),
      clientKey: pem(user, 'client-key'),
    }),
  }
}

function named<T extends { readonly name: string }>(entries: readonly T[], name: string, path: string): T {
  const found = entries.find((entry) => entry.name === name)
  if (!found) throw new Error(`${path} names "${name}" but does not describe it`)
  return found
}

/** `<key>-data` holds the PEM in base64, `<key>` a file relative to the kubeconfig. */
function pemOf(entry: Entry, key: string, folder: string): string | undefined {
  const data = entry[`${key}-data`]
  if (data) return Buffer.from(data, 'base64').toString('utf8')
  const file = entry[key]
  return file ? readFileSync(resolve(folder, file), 'utf8') : undefined
}
