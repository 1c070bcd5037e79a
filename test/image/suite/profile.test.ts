/** What the manifests ask of the kubelet is so: looked at from outside, in the kernel's own words. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../../e2e/scene.ts'
import { eventually } from '../../support/eventually.ts'
import { OPERATOR_NAMESPACE } from '../../support/install-operator.ts'
import { kubectl } from '../../support/kubectl.ts'
import { cgroupMounts } from '../cgroups.ts'
import { socketsOf } from '../pod-process.ts'
import { nodeAddress } from '../private-namespaces.ts'
import { outgoing, type Pod, podsOf, processOf, stack } from './pods.ts'
import { expectRestricted } from './restricted.ts'

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount'
const address = (url: string) => url.replace(/^.*:\/\//, '')
const KAFKA = stack.kafkaBootstrapServers
const S3 = address(stack.s3.endpoint)

test('the operator in its pods: no root, no privileges, nothing to write to, its listed port, and the API server only', async ({
  scene,
}) => {
  await scene.apply('watched')
  await scene.ready('watched')
  const pods = await podsOf(OPERATOR_NAMESPACE, 'app.kubernetes.io/component=operator')
  expect(pods).toHaveLength(2)
  for (const pod of pods) {
    await expectRestricted(pod, ['/etc/analytics-connector', TOKEN])
    const sinks = (await podsOf(scene.id, '')).map(({ status }) => `${status.podIP}:8080`)
    const others = outgoing(await processOf(pod)).filter((remote) => !sinks.includes(remote))
    expect([...new Set(others)]).toEqual(['10.96.0.1:443'])
  }
})

test('a sink in its pod: the same, no Kubernetes token, and connections to Kafka and S3 only', async ({ scene }) => {
  scene.stream()
  await scene.apply('profiled', {
    spec: {
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '300Mi' } },
      podTemplate: { metadata: { labels: { team: 'analytics' }, annotations: { note: 'seen' } } },
    },
  })
  await scene.ready('profiled')
  await scene.delivers()
  const [pod, ...others] = await podsOf(scene.id, 'team=analytics')
  if (pod === undefined || others.length > 0) throw new Error(`${others.length} pods beside the one wanted`)

  await expectRestricted(pod, ['/etc/analytics-connector/revisions', '/etc/analytics-connector/s3-credentials'])
  const sink = await processOf(pod)
  expect(sink.mounts.filter(({ path }) => path.includes('serviceaccount'))).toEqual([])
  const servers = [KAFKA, S3].sort()
  expect(servers).toEqual(expect.arrayContaining(outgoing(sink)))
  await eventually(10_000, async () => expect(await serversOf(pod)).toEqual(servers))
  expect(await memoryLimit(sink.pid)).toBe(300 << 20)
  await scene.settled()
})

test('a pod that asks for more than the profile allows is refused, in the connectors’ namespaces too', async ({
  scene,
}) => {
  const run = ['run', 'root', '--image', stack.image, '--restart=Never']
  for (const namespace of [scene.id, OPERATOR_NAMESPACE]) {
    await expect(kubectl(stack, [...run, '-n', namespace])).rejects.toThrow('violates PodSecurity "restricted:')
  }
})

/** Servers on the node that a pod is, or was a moment ago, connected to: the S3 server closes its connection after each request. */
async function serversOf({ status }: Pod): Promise<string[]> {
  const sockets = socketsOf(await readFile('/proc/self/net/tcp', 'utf8'))
  const byKubelet = `${status.podIP}:8080`
  const ofPod = sockets.filter(({ remote }) => remote.startsWith(`${status.podIP}:`) && remote !== byKubelet)
  return [...new Set(ofPod.map(({ localPort }) => `${nodeAddress}:${localPort}`))].sort()
}

/** Of the process's control group, in bytes. */
async function memoryLimit(pid: number): Promise<number> {
  const groups = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n')
  const mounts = cgroupMounts(await readFile('/proc/mounts', 'utf8'))
  for (const line of groups) {
    const [, controllers = '', path = ''] = line.split(':')
    const isV1 = controllers.split(',').includes('memory')
    const mount = isV1 ? mounts.find((each) => each.endsWith('/memory')) : mounts[0]
    if (!isV1 && controllers !== '') continue
    const file = join(mount ?? '', path, isV1 ? 'memory.limit_in_bytes' : 'memory.max')
    const limit = await readFile(file, 'utf8').catch(() => undefined)
    if (limit !== undefined) return Number(limit)
  }
  throw new Error('the process has no memory control group')
}
