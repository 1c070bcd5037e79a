/**
 * The real servers that tests and the demo run on: a Kubernetes control plane with a node that runs pods, Kafka and an
 * S3 server. Two ways of having them, containers and native processes, stand behind this one interface; nothing
 * outside this folder knows which it is.
 */
import { isDockerAnswering } from './docker-engine.ts'

/** One server under a test's control, for tests of what happens when it goes away. */
export interface ServerControl {
  /** Sends the signal (SIGTERM unless given) and resolves when the server is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again with the same address and data; resolves when it serves. */
  start(): Promise<void>
}

/** What a process needs to use the servers: plain data, so it crosses process boundaries. */
export interface StackAddresses {
  readonly kind: 'native' | 'containers'
  readonly kubeconfigPath: string
  /** Folders to put in front of PATH: they hold kubectl. */
  readonly pathAdditions: readonly string[]
  /** As this machine reaches the broker. */
  readonly kafkaBootstrapServers: string
  readonly s3: {
    readonly endpoint: string
    readonly region: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }
  /** The same servers as a pod reaches them. */
  readonly inPod: { readonly kafkaBootstrapServers: string; readonly s3Endpoint: string }
  /** The image name that manifests use for this repository's own program. */
  readonly image: string
  /** What the service accounts of deploy/base asked of the API server, a line each (audit.k8s.io/v1); undefined where no log is kept. */
  readonly auditLogPath?: string
}

export interface Servers {
  readonly kubeApi: ServerControl
  /** Undefined where it is no process of its own. */
  readonly etcd?: ServerControl
  readonly kafka: ServerControl
  readonly s3: ServerControl
}

export interface Stack extends StackAddresses {
  readonly servers: Servers
  /** kill -9 of every container process of a pod. */
  killPod(namespace: string, name: string): Promise<void>
  /** The log of a pod's container so far. */
  podLog(namespace: string, name: string): Promise<string>
  /** Ends every server and removes its data. */
  stop(): Promise<void>
}

export interface StackOptions {
  /**
   * A file of CustomResourceDefinitions to apply before the controller-manager starts: its garbage collector
   * looks for new kinds only every 30 s, so children of a kind that comes later outlive their owner by that long.
   */
  readonly crds?: string
  readonly progress: (line: string) => void
  /** Where logs and data go while the servers run; default: a new folder in the system's temporary folder. */
  readonly dir?: string
}

/** The image name by which manifests mean the program of this work tree. */
export const ownImage = 'analytics-connector:dev'

/**
 * Starts the servers. The environment variable STACK chooses the way (`native` or `containers`); otherwise containers
 * are taken where a Docker engine answers. When containers cannot be started the reason is shown and the native way
 * is taken.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  if (await wantsContainers(options)) {
    try {
      const { startContainerStack } = await import('./containers/start-containers.ts')
      return await startContainerStack(options)
    } catch (error) {
      options.progress(`containers cannot be started, taking the native way: ${(error as Error).message}`)
    }
  }
  const { startNativeStack } = await import('./native/start-native.ts')
  return startNativeStack(options)
}

async function wantsContainers(options: StackOptions): Promise<boolean> {
  const wanted = process.env.STACK ?? ''
  if (wanted === 'native' || wanted === 'containers') return wanted === 'containers'
  if (wanted !== '') throw new Error(`STACK is "${wanted}"; it can be native or containers`)
  const answers = await isDockerAnswering()
  options.progress(
    answers ? 'a Docker engine answers: using containers' : 'no Docker engine answers: using native processes',
  )
  return answers
}
