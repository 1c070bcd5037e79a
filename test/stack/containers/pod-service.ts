/** The namespace in which pods find the servers beside the cluster. */
const serverNamespace = 'stack'

/** The name by which pods know a server. */
export function nameInPods(server: string): string {
  return `${server}.${serverNamespace}.svc.cluster.local`
}

/**
 * Manifests of a Service without a selector whose one endpoint is a container beside the cluster. Docker's own names
 * do not reach pods, because the cluster's DNS cannot use Docker's; and an address may change with a restart.
 */
export function serviceManifest(server: string, address: string, port: number): string {
  const metadata = { name: server, namespace: serverNamespace }
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: serverNamespace } }
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: 'None', ports: [{ name: server, port }] },
  }
  const endpoints = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': server } },
    addressType: 'IPv4',
    ports: [{ name: server, port, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  }
  return [namespace, service, endpoints].map((object) => JSON.stringify(object)).join('\n---\n')
}
