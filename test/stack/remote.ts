import type { RemoteStack } from './control-server.ts'
import type { ServerControl, Stack } from './stack.ts'

/**
 * A stack that another process has started, as if it were this one's. Only its owner can end it: `stop` rejects.
 */
export function connectStack({ addresses, controlUrl }: RemoteStack): Stack {
  const call = async (method: 'GET' | 'POST', ...words: string[]): Promise<string> => {
    const response = await fetch(controlUrl + words.map(encodeURIComponent).join('/'), { method })
    const text = await response.text()
    if (!response.ok) throw new Error(`The stack's owner says: ${text}`)
    return text
  }
  const control = (name: keyof Stack['servers']): ServerControl => ({
    stop: async (signal) => void (await call('POST', 'servers', name, 'stop', signal ?? '')),
    start: async () => void (await call('POST', 'servers', name, 'start')),
  })
  return {
    ...addresses,
    servers: {
      kubeApi: control('kubeApi'),
      ...(addresses.kind === 'native' ? { etcd: control('etcd') } : {}),
      kafka: control('kafka'),
      s3: control('s3'),
    },
    killPod: async (namespace, name) => void (await call('POST', 'kill-pod', namespace, name)),
    podLog: (namespace, name) => call('GET', 'pod-log', namespace, name),
    stop: async () => {
      throw new Error('This stack belongs to the process that started it')
    },
  }
}

/** Whether the owner of a stack is still there. */
export async function isStackUp({ controlUrl }: RemoteStack): Promise<boolean> {
  try {
    return (await fetch(`${controlUrl}kind`)).ok
  } catch {
    return false
  }
}
