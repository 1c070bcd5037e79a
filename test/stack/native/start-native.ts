import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PROGRAM, REPOSITORY } from '../../repository.ts'
import { type NodeAgent, startNodeAgent } from '../node-agent/agent.ts'
import { settleAll } from '../settle-all.ts'
import { ownImage, type Stack, type StackOptions } from '../stack.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { guardFolder } from './guard.ts'
import { type Broker, createBroker, installKafka, type KafkaInstallation } from './kafka-server.ts'
import { kubernetesBinaries } from './kubernetes-build.ts'
import { claimPodNetwork, type PodNetwork } from './pod-network.ts'
import { versitygwBinary } from './s3-build.ts'
import { type Credentials, createS3Server, type S3Server } from './s3-server.ts'

interface Programs {
  readonly kubernetes: string
  readonly kafka: KafkaInstallation
  readonly versitygw: string
}

const nodeName = 'node-1'

/** Starts the servers as processes of this machine, after building whatever is not in the cache yet. */
export async function startNativeStack(options: StackOptions): Promise<Stack> {
  const programs = await findPrograms(options)
  const resources = new AsyncDisposableStack()
  try {
    const dir = await ownFolder(options.dir)
    resources.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
    options.progress('starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler, Kafka and the S3 server')
    const startedAt = Date.now()
    const root = { accessKeyId: 'stack-root', secretAccessKey: randomBytes(18).toString('base64url') }
    const pods = await claimPodNetwork()
    resources.defer(() => pods.release())
    const [controlPlane, kafka, s3] = await settleAll([
      own(resources, startPlane(programs, dir, options), (plane) => plane.stop()),
      own(resources, startKafka(programs, dir, options), ({ server }) => server.stop('SIGKILL')),
      own(resources, startS3(programs, dir, root, options), ({ server }) => server.stop('SIGKILL')),
    ])
    const agent = await startNode(controlPlane, pods, dir)
    resources.defer(() => agent.stop())
    options.progress(`all servers are up after ${((Date.now() - startedAt) / 1000).toFixed(1)} s; logs are in ${dir}`)
    return describe(programs, { controlPlane, kafka, s3, agent, root }, () => resources.disposeAsync())
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}

/**
 * Everything is fetched and compiled at the same time; it takes as long as Kubernetes takes. The first failure counts
 * at once: nobody should wait minutes to hear that Maven is missing, and what still builds ends with this process.
 */
async function findPrograms(options: StackOptions): Promise<Programs> {
  const [kubernetes, kafka, versitygw] = await Promise.all([
    kubernetesBinaries(options),
    installKafka(options),
    versitygwBinary(options),
  ])
  return { kubernetes, kafka, versitygw }
}

function startPlane({ kubernetes }: Programs, dir: string, options: StackOptions): Promise<ControlPlane> {
  return startControlPlane({
    ...{ bin: kubernetes, dir: join(dir, 'kubernetes'), nodeName, crds: options.crds },
    onUnexpectedExit: options.progress,
  })
}

async function startKafka({ kafka }: Programs, dir: string, options: StackOptions): Promise<Broker> {
  const broker = await createBroker(kafka, join(dir, 'kafka'), options.progress)
  return startedOrStopped(broker)
}

async function startS3(programs: Programs, dir: string, root: Credentials, options: StackOptions): Promise<S3Server> {
  return startedOrStopped(await createS3Server(programs.versitygw, join(dir, 's3'), root, options.progress))
}

async function startedOrStopped<T extends Broker | S3Server>(created: T): Promise<T> {
  try {
    await created.server.start()
    return created
  } catch (error) {
    await created.server.stop('SIGKILL')
    throw error
  }
}

function startNode(controlPlane: ControlPlane, pods: PodNetwork, dir: string): Promise<NodeAgent> {
  const log = join(dir, 'node-agent.log')
  return startNodeAgent({
    kubeconfigPath: controlPlane.nodeKubeconfig,
    nodeName,
    dir: join(dir, 'node'),
    podAddressPrefix: pods.prefix,
    images: { [ownImage]: ownProgram() },
    log: (line) => appendFileSync(log, `${new Date().toISOString()} ${line}\n`),
  })
}

/** What the image's entry point is in a container: the program of this work tree, run from its sources. */
function ownProgram(): string[] {
  const node = join(REPOSITORY, 'node_modules/.bin/node')
  return [node, '--disable-warning=TimeoutNegativeWarning', '--disable-warning=ExperimentalWarning', PROGRAM]
}

interface Running {
  readonly controlPlane: ControlPlane
  readonly kafka: Broker
  readonly s3: S3Server
  readonly agent: NodeAgent
  readonly root: Credentials
}

function describe(programs: Programs, running: Running, stop: () => Promise<void>): Stack {
  const { controlPlane, kafka, s3, agent, root } = running
  return {
    kind: 'native',
    kubeconfigPath: controlPlane.adminKubeconfig,
    pathAdditions: [programs.kubernetes],
    kafkaBootstrapServers: kafka.bootstrapServers,
    s3: { endpoint: s3.endpoint, region: 'us-east-1', ...root },
    // Pods are processes of this machine: they reach the servers as everybody does.
    inPod: { kafkaBootstrapServers: kafka.bootstrapServers, s3Endpoint: s3.endpoint },
    image: ownImage,
    auditLogPath: controlPlane.auditLogPath,
    servers: { kubeApi: controlPlane.kubeApi, etcd: controlPlane.etcdServer, kafka: kafka.server, s3: s3.server },
    killPod: (namespace, name) => agent.killPod(namespace, name),
    podLog: (namespace, name) => agent.podLog(namespace, name),
    stop,
  }
}

async function ownFolder(wanted: string | undefined): Promise<string> {
  const dir = wanted === undefined ? await mkdtemp(join(tmpdir(), 'analytics-connector-')) : resolve(wanted)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  guardFolder(dir)
  return dir
}

/** Has `resources` end what the promise brings, however the others fare. */
async function own<T>(
  resources: AsyncDisposableStack,
  started: Promise<T>,
  end: (value: T) => Promise<void>,
): Promise<T> {
  const value = await started
  resources.defer(() => end(value))
  return value
}
