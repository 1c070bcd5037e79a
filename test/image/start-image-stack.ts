import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { describeError } from '../../src/lib/errors.ts'
import { CRD } from '../repository.ts'
import { startControlPlane } from '../stack/native/control-plane.ts'
import { createBroker, installKafka } from '../stack/native/kafka-server.ts'
import { kubernetesBinaries, nodeBinaries } from '../stack/native/kubernetes-build.ts'
import { runCommand } from '../stack/native/run-command.ts'
import { versitygwBinary } from '../stack/native/s3-build.ts'
import { createS3Server } from '../stack/native/s3-server.ts'
import { ownImage, type Stack, type StackOptions } from '../stack/stack.ts'
import { startContainerd } from './node/containerd.ts'
import { startNode } from './node/kubelet.ts'
import { serveNames } from './node/names.ts'
import { nodeAddress } from './private-namespaces.ts'
import type { Run } from './run.ts'

const nodeName = 'node-1'
/** By name, as in a cluster, so that the image's way to resolve names is a part of the test. */
const names = { kafka: 'kafka.stack.svc.cluster.local', s3: 's3.stack.svc.cluster.local' }

export interface ImageStack extends Stack {
  readonly containerdSocket: string
}

/** Starts a cluster of one real node that has the image of this run, with Kafka and an S3 server beside it. */
export async function startImageStack(run: Run, options: StackOptions): Promise<ImageStack> {
  const { progress } = options
  const programs = {
    kubernetes: await kubernetesBinaries(options),
    node: await nodeBinaries(options),
    kafka: await installKafka(options),
    versitygw: await versitygwBinary(options),
  }
  progress(
    'starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler, Kafka, the S3 server and containerd',
  )
  const root = { accessKeyId: 'stack-root', secretAccessKey: randomBytes(18).toString('base64url') }
  const controlPlane = await startControlPlane({
    ...{ bin: programs.kubernetes, dir: join(run.dir, 'kubernetes'), nodeName, crds: CRD, host: nodeAddress },
    apiServerFlags: await apiServerFlags(run.dir),
    onUnexpectedExit: progress,
  })
  const kafka = await createBroker(programs.kafka, join(run.dir, 'kafka'), progress, { host: nodeAddress })
  const s3 = await createS3Server(programs.versitygw, join(run.dir, 's3'), root, progress, { host: nodeAddress })
  const [runtime] = await Promise.all([
    startContainerd(join(run.dir, 'containerd'), run.cniFolder, progress),
    kafka.server.start(),
    s3.server.start(),
    serveNames(nodeAddress, { [names.kafka]: nodeAddress, [names.s3]: nodeAddress }),
  ])
  progress('importing the image; starting kubelet and kube-proxy')
  const { containerd } = runtime
  for (const archive of run.images.archives) await containerd.importImage(archive)
  const kubectl = join(programs.kubernetes, 'kubectl')
  const node = await startNode({
    ...{ bin: programs.node, kubectl, nodeName, dir: join(run.dir, 'node'), cgroup: run.cgroup },
    ...{ nodeKubeconfig: controlPlane.nodeKubeconfig, adminKubeconfig: controlPlane.adminKubeconfig },
    containerdSocket: containerd.socket,
    onUnexpectedExit: progress,
  })
  progress(`the node is ready; logs are in ${run.dir}`)
  const withName = (address: string, name: string) => address.replace(nodeAddress, name)
  return {
    kind: 'native',
    kubeconfigPath: controlPlane.adminKubeconfig,
    pathAdditions: [programs.kubernetes],
    kafkaBootstrapServers: kafka.bootstrapServers,
    s3: { endpoint: s3.endpoint, region: 'us-east-1', ...root },
    inPod: {
      kafkaBootstrapServers: withName(kafka.bootstrapServers, names.kafka),
      s3Endpoint: withName(s3.endpoint, names.s3),
    },
    image: ownImage,
    containerdSocket: containerd.socket,
    servers: { kubeApi: controlPlane.kubeApi, etcd: controlPlane.etcdServer, kafka: kafka.server, s3: s3.server },
    killPod: async (namespace, name) => void process.kill(await containerd.processOf(namespace, name), 'SIGKILL'),
    podLog: (namespace, name) =>
      // Of a container that has not started there is none; kubectl says why.
      runCommand(kubectl, ['logs', '-n', namespace, name], {
        env: { KUBECONFIG: controlPlane.adminKubeconfig },
      }).catch(describeError),
    // Pods and whatever else is left end with the namespaces.
    stop: async () => {
      await Promise.all([...node, runtime.server, kafka.server, s3.server].map((server) => server.stop('SIGKILL')))
      await controlPlane.stop()
    },
  }
}

/**
 * Every namespace is held to the restricted profile, as by the label pod-security.kubernetes.io/enforce, whichever test makes it.
 * https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/
 */
async function apiServerFlags(dir: string): Promise<string[]> {
  const path = join(dir, 'admission.yaml')
  const configuration = {
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
    defaults: { enforce: 'restricted', 'enforce-version': 'latest' },
  }
  const plugins = [{ name: 'PodSecurity', configuration }]
  const admission = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }
  await writeFile(path, stringify(admission))
  return ['--admission-control-config-file', path, '--kubelet-preferred-address-types', 'InternalIP']
}
