/** What the manifests ask of the kubelet is so: looked at from outside, in the kernel's own words. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../../e2e/scene.ts'
import { eventually } from '../../support/eventually.ts'
import { forwardPort } from '../../support/forward-port.ts'
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
  await eventually(10_000, async () => expect(await peersOf(pod)).toEqual([KAFKA, S3].sort()))
  expect(await memoryLimit(sink.pid)).toBe(300 << 20)
  await scene.settled()
})

test('kubectl port-forward reaches a sink, as the troubleshooting page has it', async ({ scene }) => {
  await scene.apply('forwarded')
  await scene.ready('forwarded')
  const { url, close } = await forwardPort(stack, scene.id, 'deployment/forwarded-sink', 8080)
  try {
    expect(await (await fetch(`${url}/status`)).json()).toMatchObject({ state: 'ACTIVE' })
  } finally {
    await close()
  }
})

test('a pod that asks for more than the profile allows is refused, in the connectors’ namespaces too', async ({
  scene,
}) => {
  const run = ['run', 'root', '--image', stack.image, '--restart=Never']
  for (const namespace of [scene.id, OPERATOR_NAMESPACE]) {
    await expect(kubectl(stack, [...run, '-n', namespace])).rejects.toThrow('violates PodSecurity "restricted:')
  }
})

/**
 * Whom a pod talks with: its open connections, and those that a server on the node remembers, because the S3 server closes one after
 * each request. (Kafka's are IPv6 sockets there, and seen from the pod.)
 */
async function peersOf(pod: Pod): Promise<string[]> {
  const { podIP } = pod.status
  const onNode = socketsOf(await readFile('/proc/self/net/tcp', 'utf8'))
  const served = onNode.filter(({ remote }) => remote.startsWith(`${podIP}:`) && remote !== `${podIP}:8080`)
  const servers = served.map(({ localPort }) => `${nodeAddress}:${localPort}`)
  return [...new Set([...outgoing(await processOf(pod)), ...servers])].sort()
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
