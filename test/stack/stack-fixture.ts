import type { Stack } from './stack.ts'

/** A stack without servers that writes down what it is asked to do. */
export function recordingStack(calls: string[]): Stack {
  const record = (call: string) => async () => void calls.push(call)
  const control = (name: string) => ({
    stop: async (signal?: NodeJS.Signals) => void calls.push(`stop ${name} ${signal ?? 'by default'}`),
    start: record(`start ${name}`),
  })
  return {
    kind: 'native',
    kubeconfigPath: '/tmp/a b/kubeconfig',
    pathAdditions: ['/opt/kube/bin'],
    kafkaBootstrapServers: '127.0.0.1:20000',
    s3: { endpoint: 'http://127.0.0.1:20001', region: 'us-east-1', accessKeyId: 'key', secretAccessKey: "it's $ecret" },
    inPod: { kafkaBootstrapServers: 'kafka:9092', s3Endpoint: 'http://s3:7070' },
    image: 'program:dev',
    servers: { kubeApi: control('kubeApi'), kafka: control('kafka'), s3: control('s3') },
    killPod: async (namespace, name) => void calls.push(`kill ${namespace}/${name}`),
    podLog: async (namespace, name) => `log of ${namespace}/${name}`,
    stop: record('stop'),
  }
}
