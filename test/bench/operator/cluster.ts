import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadClusterAccess } from '../../../src/kube/cluster-access.ts'
import { HttpKubeApi } from '../../../src/kube/http-kube-api.ts'
import { REPOSITORY } from '../../repository.ts'
import { startControlPlane } from '../../stack/native/control-plane.ts'
import { guardFolder } from '../../stack/native/guard.ts'
import { kubernetesBinaries } from '../../stack/native/kubernetes-build.ts'
import { runCommand } from '../../stack/native/run-command.ts'
import type { ServerControl } from '../../stack/stack.ts'
import { paths } from '../../stack/stack-folder.ts'
import { SimulatedNode } from '../../support/simulated-node.ts'
import { Connectors } from './connectors.ts'
import { OperatorProcess } from './operator-process.ts'

export const OPERATOR_CONFIG = { realm: 'dev', kafka: { bootstrapServers: ['nowhere:9092'] } }

export interface Cluster {
  readonly api: HttpKubeApi
  readonly node: SimulatedNode
  readonly connectors: Connectors
  /** Client address of etcd. */
  readonly etcd: string
  readonly controllerManager: ServerControl
  /** Starts the operator; further flags go to its node. */
  operator(nodeFlags?: readonly string[]): Promise<OperatorProcess>
  close(): Promise<void>
}

/** Starts a control plane with these namespaces, a node of simulated pods and what looks at connectors; builds the operator. */
export async function startCluster(namespaces: Iterable<string>, progress: (line: string) => void): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'operator-bench-'))
  guardFolder(dir)
  const bin = await kubernetesBinaries({ progress })
  await mkdir(join(dir, 'kubernetes'))
  const dist = join(REPOSITORY, 'dist')
  await runCommand(process.execPath, [
    join(REPOSITORY, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(REPOSITORY, 'tsconfig.build.json'),
  ])
  const plane = await startControlPlane({
    ...{ bin, dir: join(dir, 'kubernetes'), nodeName: 'unused', crds: paths.crds },
    onUnexpectedExit: progress,
  })
  const kubeconfigPath = plane.adminKubeconfig
  const kubectl = (...args: string[]) => runCommand(join(bin, 'kubectl'), args, { env: { KUBECONFIG: kubeconfigPath } })
  for (const namespace of namespaces) await kubectl('create', 'namespace', namespace)
  const node = await SimulatedNode.start({ kubeconfigPath, name: 'simulated' })
  const access = await loadClusterAccess({ kubeconfig: kubeconfigPath })
  const credentials = join(dir, 'credentials')
  await mkdir(credentials)
  await writeFile(join(credentials, 'ca.crt'), access.tls.ca ?? '')
  await writeFile(join(credentials, 'token'), (await access.authorization())?.replace('Bearer ', '') ?? '')
  await writeFile(join(credentials, 'namespace'), 'default')
  const api = new HttpKubeApi({ access, userAgent: 'bench' })
  const connectors = new Connectors(api, node.placement)
  connectors.follow()
  const configuration = join(dir, 'operator.yaml')
  await writeFile(configuration, JSON.stringify(OPERATOR_CONFIG))
  const operators: OperatorProcess[] = []
  return {
    api,
    node,
    connectors,
    etcd: plane.etcd,
    controllerManager: plane.controllerManager,
    operator: async (nodeFlags = []) => {
      const options = { dist, credentials, server: access.server, configuration, nodeFlags }
      const started = await OperatorProcess.start(options)
      operators.push(started)
      return started
    },
    close: async () => {
      for (const operator of operators) await operator.stop('SIGKILL')
      await connectors.close()
      await api.close()
      await node.stop()
      await plane.stop()
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
