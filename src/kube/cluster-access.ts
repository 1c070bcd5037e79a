import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { dirname, resolve } from 'node:path'
import type { KubeConfig, User } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { defined } from '../lib/defined.ts'

/** Folder that the kubelet mounts into a pod with a service account. */
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Tokens live at least ten minutes and are replaced at 80 % of it, so a copy may be used for a minute (client-go does the same). */
const CREDENTIALS_FRESH_MS = 60_000
/** client-node keeps what a kubeconfig leads to, a token of an exec plugin until the moment it ends: only who asks at the same time shares it here. */
const KUBECONFIG_FRESH_MS = 1_000

export interface TlsMaterial {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

/** Where the API server is and how this process proves who it is. */
export interface ClusterAccess {
  /** Such as `https://10.96.0.1:443`. */
  readonly server: string
  /** Namespace of the pod, or of the kubeconfig's current context. */
  readonly namespace: string
  /** Asked for each connection: a cluster's authority is renewed too. */
  readonly tls: TlsMaterial
  /** Value of the Authorization header; undefined with client certificates. Read again at least once a minute. */
  authorization(): Promise<string | undefined>
}

export interface ClusterAccessOptions {
  /** Path of a kubeconfig file, or of several that are one together; absent: the pod's own service account. */
  readonly kubeconfig?: string | readonly string[]
  /** KUBERNETES_SERVICE_HOST and _PORT of the pod. */
  readonly serviceHost?: string
  readonly servicePort?: string
}

/**
 * Finds the cluster: the kubeconfig that is named, else the pod's service account.
 *
 * A pod's credentials are three files, read here without client-node: importing it costs 80 MiB of RSS (measured, even of
 * its config module alone), a third of what an operator needs at all. Kubeconfig files, with their exec plugins and auth providers, are
 * client-node's work, loaded when one is used.
 *
 * @throws Error that names what is missing
 */
export function loadClusterAccess(options: ClusterAccessOptions): Promise<ClusterAccess> {
  return options.kubeconfig === undefined ? loadInCluster(options) : loadKubeconfig(options.kubeconfig)
}

/** Whether this process runs in a pod with a service account. */
export function isInCluster(options: ClusterAccessOptions, dir = SERVICE_ACCOUNT_DIR): boolean {
  return options.serviceHost !== undefined && existsSync(`${dir}/token`)
}

/** The pod's service account; `dir` is the folder of its files. */
export async function loadInCluster(options: ClusterAccessOptions, dir = SERVICE_ACCOUNT_DIR): Promise<ClusterAccess> {
  if (!isInCluster(options, dir)) {
    throw new Error('not in a pod with a service account, and no kubeconfig: set KUBECONFIG or give --kubeconfig')
  }
  const host = options.serviceHost?.includes(':') ? `[${options.serviceHost}]` : options.serviceHost
  return {
    server: `https://${host}:${options.servicePort ?? '443'}`,
    namespace: (await readFile(`${dir}/namespace`, 'utf8')).trim(),
    get tls() {
      return { ca: readFileSync(`${dir}/ca.crt`) }
    },
    authorization: keptFresh(
      async () => `Bearer ${(await readFile(`${dir}/token`, 'utf8')).trim()}`,
      CREDENTIALS_FRESH_MS,
    ),
  }
}

async function loadKubeconfig(paths: string | readonly string[]): Promise<ClusterAccess> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js')
  const files = [paths].flat().map((path) => {
    // An empty file says nothing; client-node would fail on it without a word that helps.
    const document: KubeconfigDocument = parse(readFileSync(path, 'utf8'), { merge: true }) ?? {}
    const file = new KubeConfig()
    file.loadFromString(JSON.stringify(document))
    file.makePathsAbsolute(dirname(path))
    file.users = withTokenFiles(file.users, document, dirname(path))
    return file
  })
  // As kubectl does it: what an earlier file says goes before what a later one does.
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: firstOfEachName(files.flatMap(({ clusters }) => clusters)),
    users: firstOfEachName(files.flatMap(({ users }) => users)),
    contexts: firstOfEachName(files.flatMap(({ contexts }) => contexts)),
    currentContext: files.find(({ currentContext }) => currentContext)?.currentContext,
  })
  const cluster = config.getCurrentCluster()
  const name = `kubeconfig ${[paths].flat().join(', ')}`
  if (!cluster) throw new Error(`${name} has no current context that names a cluster`)
  checkSupported(config, name)
  const requestOptions = async () => {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    return options
  }
  const { ca, cert, key, servername, rejectUnauthorized } = await requestOptions()
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    tls: defined({ ca, cert, key, servername, rejectUnauthorized }) as TlsMaterial,
    authorization: keptFresh(async () => authorizationOf(await requestOptions()), KUBECONFIG_FRESH_MS),
  }
}

interface KubeconfigDocument {
  readonly users?: readonly { readonly user?: { readonly tokenFile?: string } | null }[] | null
}

/** What client-node does not know: a token in a file, which goes before one in the kubeconfig. */
function withTokenFiles(users: readonly User[], document: KubeconfigDocument, dir: string): User[] {
  return users.map((user, i) => {
    const tokenFile = document.users?.[i]?.user?.tokenFile
    if (!tokenFile) return user
    const { token: _, ...rest } = user
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile: resolve(dir, tokenFile) } } }
  })
}

/** Without these we would ask another address, or as somebody else than the kubeconfig says. @throws Error */
function checkSupported(config: KubeConfig, name: string): void {
  const context = config.getContextObject(config.getCurrentContext())
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()]
  if (context?.user && !user) throw new Error(`${name}: context ${context.name}: there is no user ${context.user}`)
  if (cluster?.proxyUrl) {
    throw new Error(`${name}: cluster ${cluster.name}: proxy-url is not supported: must be reached without a proxy`)
  }
  if (user?.impersonateUser) {
    throw new Error(`${name}: user ${user.name}: as is not supported: must be a user who has the rights`)
  }
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return [...new Map(entries.toReversed().map((entry) => [entry.name, entry])).values()]
}

function authorizationOf({ auth, headers }: RequestOptions): string | undefined {
  if (auth) return `Basic ${Buffer.from(auth).toString('base64')}`
  // client-node writes the header under this very name.
  const value = headers && 'Authorization' in headers ? headers.Authorization : undefined
  // A file ends with a line break.
  return typeof value === 'string' ? value.trim() : undefined
}

/** Calls `read` at most once in `freshMs`; a failed read is tried again at the next call. */
function keptFresh<T>(read: () => Promise<T>, freshMs: number): () => Promise<T> {
  let kept: { value: Promise<T>; at: number } | undefined
  return () => {
    if (kept && performance.now() - kept.at < freshMs) return kept.value
    const value = read()
    kept = { value, at: performance.now() }
    value.catch(() => {
      kept = undefined
    })
    return value
  }
}
