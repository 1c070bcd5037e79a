import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { StartedK3sContainer } from '@testcontainers/k3s'
import type { StartedKafkaContainer } from '@testcontainers/kafka'
import { GenericContainer, Network, type StartedTestContainer } from 'testcontainers'
import { REPOSITORY } from '../../repository.ts'
import { isKafkaReady } from '../kafka-ready.ts'
import { settleAll } from '../settle-all.ts'
import { ownImage, type Stack, type StackOptions } from '../stack.ts'
import { ContainerServer } from './container-server.ts'
import * as cluster from './k3s-cluster.ts'
import { bootstrapServers, podListenerPort, startKafka } from './kafka-container.ts'
import { nameInPods, serviceManifest } from './pod-service.ts'
import { s3Endpoint, s3Port, startS3 } from './s3-container.ts'

/**
 * Starts the servers as containers: k3s, Kafka and versitygw in one Docker network, and the image of this work tree
 * on the k3s node. Testcontainers' own reaper removes them when this process dies.
 */
export async function startContainerStack(options: StackOptions): Promise<Stack> {
  const resources = new AsyncDisposableStack()
  try {
    const dir = await ownFolder(options.dir)
    resources.defer(() => rm(dir, { recursive: true, force: true }))
    const network = resources.use(await new Network().start())
    const root = { accessKeyId: 'stack-root', secretAccessKey: randomBytes(18).toString('base64url') }
    options.progress('starting containers: k3s, Kafka, versitygw; building the image of this work tree')
    const [k3s, kafka, s3] = await settleAll([
      cluster.startK3s(network).then((container) => resources.use(container)),
      startKafka(network, nameInPods('kafka')).then((container) => resources.use(container)),
      startS3(network, root).then((container) => resources.use(container)),
      GenericContainer.fromDockerfile(REPOSITORY).build(ownImage, { deleteOnExit: false }),
    ])
    const servers = await connectServers(network.getName(), { k3s, kafka, s3 })
    options.progress('bringing the image to the node')
    await cluster.importImage(k3s, ownImage, dir)
    if (options.crds !== undefined) {
      await cluster.applyManifest(k3s, await readFile(options.crds, 'utf8'), 'Established')
    }
    options.progress('all servers are up')
    return {
      kind: 'containers',
      kubeconfigPath: await cluster.writeKubeconfig(k3s, dir),
      pathAdditions: await cluster.provideKubectl(k3s, dir),
      kafkaBootstrapServers: bootstrapServers(kafka),
      s3: { endpoint: s3Endpoint(s3), region: 'us-east-1', ...root },
      inPod: {
        kafkaBootstrapServers: `${nameInPods('kafka')}:${podListenerPort}`,
        s3Endpoint: `http://${nameInPods('s3')}:${s3Port}`,
      },
      image: ownImage,
      servers,
      killPod: (namespace, name) => cluster.killPod(k3s, namespace, name),
      podLog: (namespace, name) => cluster.podLog(k3s, namespace, name),
      stop: () => resources.disposeAsync(),
    }
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}

interface Containers {
  readonly k3s: StartedK3sContainer
  readonly kafka: StartedKafkaContainer
  readonly s3: StartedTestContainer
}

/** Makes the servers known to pods, and known again after each start. */
async function connectServers(networkName: string, { k3s, kafka, s3 }: Containers): Promise<Stack['servers']> {
  const publish = async (name: string, server: ContainerServer, port: number) =>
    cluster.applyManifest(k3s, serviceManifest(name, await server.addressIn(networkName), port))
  const kafkaServer: ContainerServer = new ContainerServer(
    kafka,
    () => isKafkaReady(bootstrapServers(kafka)),
    () => publish('kafka', kafkaServer, podListenerPort),
  )
  const s3Server: ContainerServer = new ContainerServer(
    s3,
    async () => (await fetch(s3Endpoint(s3))).status > 0,
    () => publish('s3', s3Server, s3Port),
  )
  await publish('kafka', kafkaServer, podListenerPort)
  await publish('s3', s3Server, s3Port)
  return { kubeApi: cluster.apiServerControl(k3s), kafka: kafkaServer, s3: s3Server }
}

async function ownFolder(wanted: string | undefined): Promise<string> {
  const dir = wanted === undefined ? await mkdtemp(join(tmpdir(), 'analytics-connector-')) : resolve(wanted)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  return dir
}
