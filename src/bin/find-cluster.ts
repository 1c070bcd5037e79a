import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import {
  type ClusterAccess,
  type ClusterAccessOptions,
  isInCluster,
  loadClusterAccess,
} from '../kube/cluster-access.ts'

/** What the usage texts say of `--kubeconfig`. */
export const KUBECONFIG_USAGE = "the pod's service account, else KUBECONFIG, else ~/.kube/config"

/** The cluster that a flag names, else that of the pod, else that of the person. */
export function findCluster(kubeconfig: string | undefined): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, KUBECONFIG } = process.env
  const service: ClusterAccessOptions = {
    ...(KUBERNETES_SERVICE_HOST === undefined ? {} : { serviceHost: KUBERNETES_SERVICE_HOST }),
    ...(KUBERNETES_SERVICE_PORT === undefined ? {} : { servicePort: KUBERNETES_SERVICE_PORT }),
  }
  if (kubeconfig === undefined && isInCluster(service)) return loadClusterAccess(service)
  const ofUser = join(homedir(), '.kube', 'config')
  const paths = kubeconfig ?? listed(KUBECONFIG) ?? (existsSync(ofUser) ? ofUser : undefined)
  return loadClusterAccess(paths === undefined ? service : { kubeconfig: paths })
}

/** The files of KUBECONFIG, of several those that are there, as for kubectl; undefined where it names none. */
function listed(kubeconfig = ''): readonly string[] | undefined {
  const paths = kubeconfig.split(delimiter).filter((each) => each !== '')
  const there = paths.filter((path) => existsSync(path))
  if (paths.length === 0) return undefined
  return there.length === 0 ? paths : there
}
