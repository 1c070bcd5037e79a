/** The scale subresource as the HorizontalPodAutoscaler uses it, which is what KEDA makes too: the real controller, a metric of this test. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DEPLOYMENTS } from '../../src/kube/kinds.ts'
import { DEPLOY, REPOSITORY } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type ExternalMetrics, startExternalMetrics } from '../support/external-metrics.ts'
import { type RunningOperator, startOperator, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { apply, kubectl } from '../support/kubectl.ts'
import { SimulatedNode } from '../support/simulated-node.ts'
import { Person } from './operator-faults/life.ts'

const stack = connectStack(inject('stack'))
const namespace = `autoscaling-${randomBytes(4).toString('hex')}`
const NAME = 'scaled'
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>
let node: SimulatedNode
let operator: RunningOperator
let person: Person
let metrics: ExternalMetrics

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  metrics = await startExternalMetrics(namespace)
  node = await SimulatedNode.start({
    kubeconfigPath: stack.kubeconfigPath,
    name: `simulated-${randomBytes(3).toString('hex')}`,
    says: () => ({ topicPartitions: 3 }),
  })
  operator = await startOperator(stack, {
    config: { watchNamespaces: [namespace], statusPollSeconds: { changing: 0.2, steady: 1 } },
  })
  person = await Person.in(stack, namespace, node.placement, 60_000)
})

afterAll(async () => {
  await operator?.stop()
  await person?.api.close()
  await kubectl(stack, ['delete', 'apiservice', 'v1beta1.external.metrics.k8s.io', '--ignore-not-found'])
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await metrics?.stop()
  await node?.stop()
  await installed?.restore()
})

// In containers the API server does not reach an address of this machine.
test.skipIf(stack.kind === 'containers')(
  'an autoscaler scales by a metric, up to the partitions there are, and down again',
  async () => {
    await apply(stack, { apiVersion: 'v1', kind: 'List', items: metrics.objects })
    // Its manifest says nothing about replicas, neither now nor later.
    await person.wants(NAME, {})
    metrics.value = 20
    await apply(stack, autoscaler())
    await scaledTo(2, 2)
    metrics.value = 90
    await scaledTo(9, 3)
    await person.wants(NAME, { config: { flushSize: 7 } })
    await scaledTo(9, 3)
    metrics.value = 10
    await scaledTo(1, 1)
  },
  120_000,
)

test("the sample for KEDA is what KEDA's own schema takes", async () => {
  const crd = join(REPOSITORY, 'test/support/keda/scaledobjects.crd.yaml')
  const [, scaledObject = ''] = readFileSync(join(DEPLOY, 'samples/keda/lag.yaml'), 'utf8').split(/^---$/m)
  const tryIt = (manifest: string) =>
    kubectl(stack, ['create', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', '-'], { input: manifest })
  await kubectl(stack, ['apply', '--server-side', '-f', crd])
  try {
    await kubectl(stack, ['wait', '--for=condition=Established', '-f', crd, '--timeout=30s'])
    await eventually(30_000, async () => expect(await tryIt(scaledObject)).toContain('lag-scaled created'))
    await expect(tryIt(scaledObject.replace('stabilizationWindowSeconds', 'cooldown'))).rejects.toThrow('unknown field')
    await expect(tryIt(scaledObject.replace('lagThreshold: "200000"', 'lagThreshold: 200000'))).rejects.toThrow()
  } finally {
    await kubectl(stack, ['delete', '-f', crd, '--wait=false'])
  }
})

/** Pods and what the autoscaler wrote; it reads the pods' number and selector from the status. */
async function scaledTo(replicas: number, pods: number): Promise<void> {
  await eventually(60_000, async () => {
    const scale = JSON.parse(
      await kubectl(stack, [
        'get',
        '--raw',
        `/apis/analytics-connector.io/v1alpha1/namespaces/${namespace}/analyticsconnectors/${NAME}/scale`,
      ]),
    )
    const selector = `analytics-connector.io/connector=${NAME},app.kubernetes.io/component=sink`
    expect({ spec: scale.spec, status: scale.status }).toEqual({
      spec: { replicas },
      status: { replicas: pods, selector },
    })
    const deployment = await person.api.get(DEPLOYMENTS, { namespace, name: `${NAME}-sink` })
    expect(deployment?.spec?.replicas).toBe(pods)
  })
}

function autoscaler(): object {
  const external = { metric: { name: 'lag' }, target: { type: 'AverageValue', averageValue: '10' } }
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: NAME, namespace },
    spec: {
      scaleTargetRef: { apiVersion: 'analytics-connector.io/v1alpha1', kind: 'AnalyticsConnector', name: NAME },
      minReplicas: 1,
      maxReplicas: 9,
      metrics: [{ type: 'External', external }],
      behavior: {
        scaleDown: { stabilizationWindowSeconds: 0 },
        scaleUp: { policies: [{ type: 'Pods', value: 9, periodSeconds: 1 }] },
      },
    },
  }
}
