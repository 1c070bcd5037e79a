import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Api } from './api.ts'
import type { MountedFolder } from './mount-paths.ts'
import type { Pod, ServiceAccountTokenSource } from './pod.ts'

interface TokenRequest {
  readonly status: { readonly token: string; readonly expirationTimestamp: string }
}

/** Where a pod finds its credentials; programs read it by this fixed path. */
const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

const DEFAULT_EXPIRATION_SECONDS = 3600

/**
 * Hands out tokens of a pod's service account, bound to the pod, and asks for a new one at 80 % of a token's life.
 * Source: KEP-1205 (bound service account tokens).
 */
export function tokenSource(api: Api, pod: Pod): (source: ServiceAccountTokenSource) => Promise<string> {
  const { name, namespace, uid } = pod.metadata
  const account = pod.spec.serviceAccountName ?? 'default'
  const known = new Map<string, { readonly token: string; readonly renewAtMs: number }>()
  return async ({ audience, expirationSeconds = DEFAULT_EXPIRATION_SECONDS }) => {
    const key = `${audience} ${expirationSeconds}`
    const current = known.get(key)
    if (current && Date.now() < current.renewAtMs) return current.token
    const spec = {
      audiences: audience ? [audience] : [],
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    }
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
    const { status } = await api.call<TokenRequest>('POST', path, { spec })
    const lifeMs = Date.parse(status.expirationTimestamp) - Date.now()
    known.set(key, { token: status.token, renewAtMs: Date.now() + 0.8 * lifeMs })
    return status.token
  }
}

/**
 * Writes a kubeconfig with the pod's own token, for programs that would read SERVICE_ACCOUNT_PATH, which does not exist here.
 * client-go re-reads `tokenFile`; other clients take the inline token and should be restarted before it expires.
 *
 * @returns the file's path, undefined when the container mounts no service account
 */
export async function writePodKubeconfig(
  podFolder: string,
  server: string,
  namespace: string,
  mounts: readonly MountedFolder[],
  readToken: (file: string) => Promise<string>,
): Promise<string | undefined> {
  const folder = mounts.find(({ mountPath }) => mountPath === SERVICE_ACCOUNT_PATH)?.folder
  if (!folder) return undefined
  const tokenFile = join(folder, 'token')
  const path = join(podFolder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'pod',
    clusters: [{ name: 'cluster', cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }],
    users: [{ name: 'pod', user: { token: await readToken(tokenFile), tokenFile } }],
    contexts: [{ name: 'pod', context: { cluster: 'cluster', user: 'pod', namespace } }],
  }
  await writeFile(`${path}.new`, stringify(config))
  await chmod(`${path}.new`, 0o600)
  await rename(`${path}.new`, path)
  return path
}
