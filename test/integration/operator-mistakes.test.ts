/** A wrong value in each field that only the cluster can judge, then the right one: nothing that ran stops, and no help is needed. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import { CONNECTORS, PODS } from '../../src/kube/kinds.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningOperator, startOperator, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'
import { letWatchSecrets } from '../support/permissions.ts'
import { SimulatedNode } from '../support/simulated-node.ts'
import { HistoryRecorder } from '../support/status/history-recorder.ts'
import { Person } from './operator-faults/life.ts'

const stack = connectStack(inject('stack'))
const namespace = `mistakes-${randomBytes(4).toString('hex')}`
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>
let node: SimulatedNode
let operator: RunningOperator
let person: Person
let history: HistoryRecorder

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  const name = `simulated-${randomBytes(3).toString('hex')}`
  node = await SimulatedNode.start({ kubeconfigPath: stack.kubeconfigPath, name, startMs: 20 })
  history = await HistoryRecorder.start(stack, namespace)
  const config = { watchNamespaces: [namespace], statusPollSeconds: { changing: 0.1, steady: 2 } }
  operator = await startOperator(stack, { config })
  await letWatchSecrets(stack, namespace)
  person = await Person.in(stack, namespace, node.placement, 60_000)
})

afterAll(async () => {
  await operator?.stop()
  await history?.finish()
  await person?.api.close()
  await node?.stop()
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

type Wrong = Partial<Omit<AnalyticsConnectorSpec, 'config'>>

/** [field, reason that a person reads, wrong value of it]. The placement of the pods is what is right. */
const MISTAKES: [string, string, () => Wrong][] = [
  ['resources-too-large', 'Unschedulable', () => ({ resources: { requests: { cpu: '10000000' } } })],
  ['resources-upside-down', 'ObjectRefused', () => ({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })],
  ['service-account', 'PodsRefused', () => ({ serviceAccountName: 'nobody' })],
  ['priority-class', 'PodsRefused', () => ({ podTemplate: { ...node.placement, priorityClassName: 'none' } })],
  ['node-selector', 'Unschedulable', () => ({ podTemplate: { ...node.placement, nodeSelector: { disk: 'none' } } })],
  ['tolerations', 'Unschedulable', () => ({ podTemplate: { nodeSelector: node.placement.nodeSelector } })],
  ['affinity', 'ObjectRefused', () => ({ podTemplate: { ...node.placement, affinity: { nodeAffinity: 7 } } })],
  [
    'topology-spread',
    'ObjectRefused',
    () => ({ podTemplate: { ...node.placement, topologySpreadConstraints: [{ maxSkew: 0 }] } }),
  ],
  [
    'labels',
    'ObjectRefused',
    () => ({ podTemplate: { ...node.placement, metadata: { labels: { 'not a label!': 'x' } } } }),
  ],
]

test.concurrent.each(MISTAKES)(
  '%s: the status says %s, what ran goes on, and the right value is enough',
  async (name, reason, wrong) => {
    await person.wants(name, {})
    const before = await pods(name)
    await person.asks(name, wrong())
    await eventually(30_000, async () => {
      const { status } = (await person.api.get(CONNECTORS, { namespace, name })) ?? {}
      expect(status?.conditions?.find(({ type }) => type === 'Stalled')?.reason).toBe(reason)
      expect(status?.connector?.error).not.toBeNull()
    })
    expect(await pods(name)).toEqual(expect.arrayContaining(before))
    await person.wants(name, {})
  },
  120_000,
)

test.concurrent('a Secret that somebody rotates: its pods are replaced within seconds, one after another', async () => {
  const name = 'rotated'
  const secret = (value: string) =>
    apply(stack, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace },
      stringData: { key: value },
    })
  await secret('old')
  await person.wants(name, { config: { credentialsSecretRef: { name: 'keys' } }, replicas: 2 })
  const before = await pods(name)
  await secret('new')
  let fewest = before.length
  await eventually(
    10_000,
    async () => {
      const now = await pods(name)
      fewest = Math.min(fewest, now.length)
      expect(now).toHaveLength(2)
      expect(now.some((pod) => before.includes(pod))).toBe(false)
    },
    20,
  )
  expect(fewest).toBeGreaterThanOrEqual(2)
}, 60_000)

test.concurrent('two connectors that can write the same keys, or have one group: both say so while they deliver, until one is edited', async () => {
  const path = { config: { customPath: 'shared/{topic}.json' } }
  await Promise.all([person.wants('one', path), person.wants('two', path)])
  await conflicts({ one: `${namespace}/two gives`, two: `${namespace}/one gives` })
  await person.asks('two', { ...path, kafka: { groupId: `analytics-connector.${namespace}.one` } })
  await conflicts({ one: `${namespace}/two has the same consumer group`, two: `${namespace}/one has the same` })
  await person.wants('two', {})
  await conflicts({ one: undefined, two: undefined })
  await person.wants('two', path)
  await kubectl(stack, ['delete', 'ac', 'two', '-n', namespace])
  await conflicts({ one: undefined })
}, 60_000)

/** What the condition says of each connector, at its beginning; undefined: it is not there. */
async function conflicts(expected: Readonly<Record<string, string | undefined>>): Promise<void> {
  await eventually(10_000, async () => {
    for (const [name, beginning] of Object.entries(expected)) {
      const { status } = (await person.api.get(CONNECTORS, { namespace, name })) ?? {}
      const message = status?.conditions?.find(({ type }) => type === 'Conflicted')?.message
      expect(message?.slice(0, beginning?.length), name).toBe(beginning)
      expect(status?.connector?.status).toBe('ACTIVE')
    }
  })
}

/** Names of a connector's pods that run and are not on their way out. */
async function pods(name: string): Promise<string[]> {
  const labelSelector = `analytics-connector.io/connector=${name}`
  const { items } = await person.api.list(PODS, { namespace, labelSelector }, { limit: 500 })
  return items
    .filter(({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp)
    .map(({ metadata }) => metadata?.name ?? '')
    .sort()
}
