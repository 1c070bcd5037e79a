import { createServer } from 'node:https'
import { freePorts } from '../stack/native/free-ports.ts'
import { selfSigned } from './self-signed.ts'

const GROUP_VERSION = 'external.metrics.k8s.io/v1beta1'

/**
 * The external metrics API with one metric, as KEDA serves it, at an address of this machine. `objects` make the API server's
 * aggregation layer find it.
 */
export interface ExternalMetrics {
  readonly objects: readonly object[]
  value: number
  stop(): Promise<void>
}

export async function startExternalMetrics(namespace: string): Promise<ExternalMetrics> {
  const [port = 0] = await freePorts(1)
  const metrics = { value: 0, objects: objectsFor(namespace, port), stop: async () => void server.close() }
  const server = createServer(await selfSigned(), ({ url = '' }, response) => {
    const answer = answerTo(url.split('?')[0] ?? '', metrics.value)
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return metrics
}

function answerTo(path: string, value: number): object | undefined {
  if (path === `/apis/${GROUP_VERSION}`) {
    const metric = { name: 'externalmetrics', singularName: '', namespaced: true, verbs: ['get'] }
    const resources = [{ ...metric, kind: 'ExternalMetricValueList' }]
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION, resources }
  }
  if (!path.endsWith('/lag')) return undefined
  const items = [{ metricName: 'lag', metricLabels: {}, timestamp: new Date().toISOString(), value: `${value}` }]
  return { kind: 'ExternalMetricValueList', apiVersion: GROUP_VERSION, metadata: {}, items }
}

function objectsFor(namespace: string, port: number): object[] {
  const [group, version] = GROUP_VERSION.split('/')
  const service = { namespace, name: 'external-metrics', port }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: service.name },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `${version}.${group}` },
      spec: { group, version, service, insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100 },
    },
  ]
}
