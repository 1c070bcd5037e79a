import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerControl } from '../stack.ts'
import { freePorts } from './free-ports.ts'
import { httpsGet, writeKubeconfig } from './kubeconfig.ts'
import { runCommand } from './run-command.ts'
import { ServerProcess } from './server-process.ts'

export interface ControlPlaneOptions {
  /** The folder with the programs. */
  readonly bin: string
  readonly dir: string
  readonly nodeName: string
  readonly crds?: string | undefined
  /** The address of the API server; default: 127.0.0.1. Pods with a network of their own need another. */
  readonly host?: string
  /** Flags of kube-apiserver beside ours. */
  readonly apiServerFlags?: readonly string[]
  readonly onUnexpectedExit: (line: string) => void
}

export interface ControlPlane {
  readonly kubeApi: ServerControl
  /** Without it Deployments, ReplicaSets and owner references are data that nobody acts on. */
  readonly controllerManager: ServerControl
  readonly adminKubeconfig: string
  readonly nodeKubeconfig: string
  /** Client address of etcd. */
  readonly etcd: string
  readonly etcdServer: ServerControl
  /** Every request of the programs of this repository that run with their own service accounts, a JSON line each (audit.k8s.io/v1). */
  readonly auditLogPath: string
  stop(): Promise<void>
}

/** Who may speak to the API server: the name and groups decide what each may do. */
function identities(nodeName: string) {
  return {
    admin: { user: 'admin', group: 'system:masters' },
    'controller-manager': { user: 'system:kube-controller-manager', group: 'system:authenticated' },
    scheduler: { user: 'system:kube-scheduler', group: 'system:authenticated' },
    node: { user: `system:node:${nodeName}`, group: 'system:nodes' },
  } as const
}

const loopback = '127.0.0.1'

/** Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler (about 4 s). */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dir, bin, host = loopback } = options
  const [etcdPort = 0, etcdPeerPort = 0, apiPort = 0] = await freePorts(3)
  const pki = join(dir, 'pki')
  await mkdir(pki, { recursive: true })
  const tokens = await writeCredentials(pki, options.nodeName)
  const started: ServerProcess[] = []
  const stop = async () => {
    await Promise.all(started.reverse().map((server) => server.stop('SIGKILL')))
  }
  const start = async (name: string, args: readonly string[], isReady: () => Promise<boolean>) => {
    const server = new ServerProcess({
      ...{ name, args, isReady, cwd: dir, onUnexpectedExit: options.onUnexpectedExit },
      ...{ command: join(bin, name), logPath: join(dir, `${name}.log`) },
    })
    started.push(server)
    await server.start()
    return server
  }
  try {
    const etcdServer = await start('etcd', etcdFlags(dir, etcdPort, etcdPeerPort), async () => {
      return (await fetch(`http://127.0.0.1:${etcdPort}/health`)).ok
    })
    const ask = (path: string) =>
      httpsGet(new URL(path, `https://${host}:${apiPort}`), tokens.admin, join(pki, 'apiserver.crt'))
    const auditLogPath = join(dir, 'audit.log')
    const serverFlags = [
      ...apiServerFlags(pki, host, apiPort, etcdPort),
      ...(await auditFlags(dir, auditLogPath)),
      ...(options.apiServerFlags ?? []),
    ]
    const apiServer = await start('kube-apiserver', serverFlags, () => ask('/readyz'))
    const kubeconfig = async (name: keyof typeof tokens) => {
      const path = join(dir, `${name}.kubeconfig`)
      await writeKubeconfig({
        path,
        host,
        port: apiPort,
        token: tokens[name],
        ca: await readFile(join(pki, 'apiserver.crt')),
      })
      return path
    }
    const adminKubeconfig = await kubeconfig('admin')
    if (options.crds !== undefined) await applyCrds(join(bin, 'kubectl'), adminKubeconfig, options.crds)
    const managerFlags = controllerManagerFlags(pki, await kubeconfig('controller-manager'))
    const schedulerFlags = ['--kubeconfig', await kubeconfig('scheduler'), '--leader-elect=false', '--secure-port=0']
    const controllers = await Promise.all([
      // The default service account is the controller-manager's work: where it is, pods can be created.
      start('kube-controller-manager', managerFlags, () => ask('/api/v1/namespaces/default/serviceaccounts/default')),
      start('kube-scheduler', schedulerFlags, async () => true),
    ])
    const kubeApi = withControllers(apiServer, controllers)
    const etcd = `http://127.0.0.1:${etcdPort}`
    const [controllerManager] = controllers
    const nodeKubeconfig = await kubeconfig('node')
    return { kubeApi, controllerManager, adminKubeconfig, nodeKubeconfig, etcd, etcdServer, auditLogPath, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * The API server, whose controllers are started anew when it comes back: by themselves they would watch again only after a
 * back-off of up to a minute, and a test would wait for them and not for us. In k3s, too, they restart with it.
 */
function withControllers(apiServer: ServerControl, controllers: readonly ServerControl[]): ServerControl {
  return {
    stop: (signal) => apiServer.stop(signal),
    start: async () => {
      await apiServer.start()
      await Promise.all(controllers.map((controller) => controller.stop('SIGKILL')))
      await Promise.all(controllers.map((controller) => controller.start()))
    },
  }
}

/** Writes the token file and the service account key; the API server makes its serving certificate itself. */
async function writeCredentials(pki: string, nodeName: string) {
  const token = () => randomBytes(16).toString('hex')
  const tokens = { admin: token(), 'controller-manager': token(), scheduler: token(), node: token() }
  const rows = Object.entries(identities(nodeName)).map(
    ([name, { user, group }]) => `${tokens[name as keyof typeof tokens]},${user},${name},${group}\n`,
  )
  await writeFile(join(pki, 'tokens.csv'), rows.join(''), { mode: 0o600 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  // SEC1, because the API server refuses an EC key in PKCS8.
  await writeFile(join(pki, 'service-account.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  return tokens
}

async function applyCrds(kubectl: string, kubeconfig: string, crds: string): Promise<void> {
  const env = { KUBECONFIG: kubeconfig }
  await runCommand(kubectl, ['apply', '--server-side', '-f', crds], { env })
  const established = () =>
    runCommand(kubectl, ['wait', '--for=condition=Established', '--timeout=20s', '-f', crds], { env })
  // kubectl gives up at once on a resource that has no conditions yet.
  await established().catch(established)
}

function etcdFlags(dir: string, port: number, peerPort: number): string[] {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`]
  return [
    ...['--data-dir', join(dir, 'etcd-data'), '--unsafe-no-fsync', '--log-level', 'warn'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ]
}

function apiServerFlags(pki: string, host: string, port: number, etcdPort: number): string[] {
  const serviceAccountKey = join(pki, 'service-account.key')
  return [
    ...['--bind-address', host, '--advertise-address', host, '--secure-port', `${port}`],
    ...['--etcd-servers', `http://127.0.0.1:${etcdPort}`, '--cert-dir', pki],
    ...['--token-auth-file', join(pki, 'tokens.csv'), '--authorization-mode', 'Node,RBAC'],
    // EndpointSlices refuse loopback, so there the kubernetes Service has no endpoint: pods are told the address itself.
    ...(host === loopback ? ['--endpoint-reconciler-type', 'none'] : []),
    ...['--service-cluster-ip-range', '10.96.0.0/24'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    // Without it a shutdown waits a minute for its clients' open connections.
    '--shutdown-send-retry-after',
    ...['--service-account-key-file', serviceAccountKey, '--service-account-signing-key-file', serviceAccountKey],
  ]
}

/** Who asked for what and whether it was allowed in the namespace of deploy/base. */
async function auditFlags(dir: string, auditLogPath: string): Promise<string[]> {
  const policyPath = join(dir, 'audit-policy.json')
  const ours = { level: 'Metadata', userGroups: ['system:serviceaccounts:analytics-connector'] }
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [ours, { level: 'None' }],
  }
  await writeFile(policyPath, JSON.stringify(policy))
  return ['--audit-policy-file', policyPath, '--audit-log-path', auditLogPath]
}

function controllerManagerFlags(pki: string, kubeconfig: string): string[] {
  return [
    ...['--kubeconfig', kubeconfig, '--leader-elect=false', '--secure-port=0', '--use-service-account-credentials'],
    ...['--service-account-private-key-file', join(pki, 'service-account.key')],
    ...['--root-ca-file', join(pki, 'apiserver.crt')],
    // The defaults (20 and 30 a second) make a rollout of many small Deployments wait for its own client.
    ...['--kube-api-qps', '500', '--kube-api-burst', '1000'],
    // Default: 15 s.
    ...['--horizontal-pod-autoscaler-sync-period', '2s'],
  ]
}
