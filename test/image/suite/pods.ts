import { inject } from 'vitest'
import { connectStack } from '../../stack/remote.ts'
import { kubectlJson } from '../../support/kubectl.ts'
import { Containerd } from '../node/containerd.ts'
import { type PodProcess, readPodProcess } from '../pod-process.ts'

export const stack = connectStack(inject('stack'))
export const containerd = new Containerd(inject('containerdSocket'))

/** What the tests read of a pod. */
export interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly creationTimestamp: string }
  readonly spec: {
    readonly containers: readonly {
      readonly ports?: readonly { readonly containerPort: number }[]
      readonly resources: { readonly limits?: { readonly memory?: string; readonly cpu?: string } }
    }[]
  }
  readonly status: {
    readonly podIP?: string
    readonly containerStatuses?: readonly {
      readonly restartCount: number
      readonly lastState: { readonly terminated?: { readonly reason: string; readonly exitCode: number } }
    }[]
  }
}

export async function podsOf(namespace: string, selector: string): Promise<Pod[]> {
  const { items } = await kubectlJson<{ items: Pod[] }>(stack, 'get', 'pods', '-n', namespace, '-l', selector)
  return items
}

export async function processOf({ metadata }: Pod): Promise<PodProcess & { readonly pid: number }> {
  const pid = await containerd.processOf(metadata.namespace, metadata.name)
  return { pid, ...(await readPodProcess(pid)) }
}

/** Those that the pod itself opened: not those of a probe or a poll that came in. */
export function outgoing({ sockets }: PodProcess): string[] {
  const served = new Set(listening({ sockets }))
  return sockets
    .filter(({ state, localPort }) => state === 'connected' && !served.has(localPort))
    .map(({ remote }) => remote)
}

export function listening({ sockets }: Pick<PodProcess, 'sockets'>): number[] {
  return sockets.filter(({ state }) => state === 'listening').map(({ localPort }) => localPort)
}
