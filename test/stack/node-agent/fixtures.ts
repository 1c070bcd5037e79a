import { MissingObjectError, type ObjectSource } from './object-cache.ts'
import type { ConfigMap, Container, ContainerStatus, Pod, PodSpec, Secret } from './pod.ts'
import type { NodeFacts } from './pod-fields.ts'

/** Objects for the agent's own unit tests, each with what the test does not care about filled in. */
export function aPod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    metadata: { name: 'web-0', namespace: 'games', uid: 'u-1', ...metadata },
    spec: { containers: [aContainer()], ...spec },
  }
}

export function aContainer(fields: Partial<Container> = {}): Container {
  return { name: 'web', image: 'sh:1', ...fields }
}

export function aContainerStatus(fields: Partial<ContainerStatus> = {}): ContainerStatus {
  const states = { state: { running: { startedAt: '2026-01-01T00:00:00Z' } }, lastState: {} }
  return {
    name: 'web',
    image: 'sh:1',
    imageID: 'sh:1',
    ready: true,
    started: true,
    restartCount: 0,
    ...states,
    ...fields,
  }
}

export const nodeFacts: NodeFacts = {
  nodeName: 'node-1',
  hostIP: '127.0.0.1',
  podIP: '127.83.12.2',
  allocatable: { cpu: '64', memory: '256Gi' },
}

/** ConfigMaps and Secrets by name, text values. */
export function objects(
  configMaps: Readonly<Record<string, Record<string, string>>> = {},
  secrets: Readonly<Record<string, Record<string, string>>> = {},
): ObjectSource {
  const metadata = (name: string) => ({ name, namespace: 'games', uid: name })
  return {
    configMap: async (name): Promise<ConfigMap | undefined> => {
      const data = configMaps[name]
      return data && { metadata: metadata(name), data }
    },
    secret: async (name): Promise<Secret | undefined> => {
      const data = secrets[name]
      const base64 = Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
      return data && { metadata: metadata(name), data: Object.fromEntries(base64) }
    },
  }
}

/** The API server is away. */
export const unknownObjects: ObjectSource = {
  configMap: () => Promise.reject(new MissingObjectError('timed out')),
  secret: () => Promise.reject(new MissingObjectError('timed out')),
}
