import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import {
  type OperatorSettings,
  type RunningOperator,
  startOperator,
  withoutInstalledOperator,
  writesOf,
} from '../support/in-process-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { connector, countPartitions } from '../support/manifests.ts'

const stack = connectStack(inject('stack'))
const namespace = `operator-${randomBytes(4).toString('hex')}`
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
})

afterAll(async () => {
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

const QUIET_MS = 1_500

async function operator(settings: OperatorSettings = {}): Promise<RunningOperator> {
  const running = await startOperator(stack, {
    ...settings,
    config: { watchNamespaces: [namespace], ...settings.config },
  })
  onTestFinished(() => running.stop())
  return running
}

/** No sink runs here that could count the partitions for it. */
async function applyConnector(name: string, spec: Partial<AnalyticsConnector['spec']> = {}): Promise<void> {
  await apply(
    stack,
    connector(stack, { name, namespace, bucketName: `nowhere-${name}`, filter: { acme: ['*'] }, spec }),
  )
  if (spec.replicas !== undefined) await countPartitions(stack, { name, namespace, topicPartitions: spec.replicas })
}

const patch = (name: string, spec: object) =>
  inNamespace('patch', 'ac', name, '--type=merge', '-p', JSON.stringify({ spec }))
const get = (name: string) => kubectlJson<AnalyticsConnector>(stack, 'get', 'ac', name, '-n', namespace)

/** Kinds and names of what the operator made for a connector. */
async function objectsOf(name: string): Promise<string[]> {
  const kinds = 'deployments,configmaps,serviceaccounts,poddisruptionbudgets'
  const selector = `analytics-connector.io/connector=${name}`
  return (await inNamespace('get', kinds, '-l', selector, '-o', 'name')).split('\n').filter(Boolean).sort()
}

/** Waits until the operator has written nothing for a while, and says what it wrote since `from`. */
async function settled({ calls }: RunningOperator, from = 0): Promise<string[]> {
  await eventually(60_000, async () => {
    const before = writesOf(calls).length
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    expect(writesOf(calls).length).toBe(before)
  })
  return writesOf(calls).slice(from)
}

test('a connector gets exactly its objects, and an operator that finds everything in order writes nothing', async () => {
  // Quantities that the API server writes its own way.
  await applyConnector('exact', { replicas: 2, resources: { requests: { cpu: '0.5', memory: '1024Mi' } } })
  const first = await operator()
  // The end of what can happen here: no node can pull the image.
  await eventually(20_000, async () => expect((await get('exact')).status?.connector?.status).toBe('FAILED'))
  await settled(first)
  expect(await objectsOf('exact')).toEqual([
    expect.stringMatching(/^configmap\/exact-sink-[0-9a-f]{10}$/),
    'deployment.apps/exact-sink',
    'poddisruptionbudget.policy/exact-sink',
    'serviceaccount/exact-sink',
  ])
  // Its id is given by compare-and-set, which may take more than one try.
  const isOfId = (write: string) =>
    /^(create|update) configmaps analytics-connector-ids$|^patch analyticsconnectors /.test(write)
  const made = writesOf(first.calls).filter((write) => !write.startsWith('patch analyticsconnectors/status'))
  expect(made.some(isOfId)).toBe(true)
  expect(made.filter((write) => !isOfId(write)).map((write) => write.split(' ')[1])).toEqual([
    'configmaps',
    'serviceaccounts',
    'deployments',
    'poddisruptionbudgets',
  ])
  await first.stop()
  const second = await operator()
  const again = await settled(second)
  // Where a quantity was rewritten, one apply after a restart finds out that nobody changed it; it changes nothing.
  expect(again.filter((write) => write !== 'patch deployments exact-sink')).toEqual([])
  expect(again.length).toBeLessThanOrEqual(1)
  await inNamespace('annotate', 'ac', 'exact', 'note=touched')
  expect(await settled(second, again.length)).toEqual([])
})

test('a connector that is deleted while only its own watch is down has no objects made anew', async () => {
  let isDown = false
  const cut = new AbortController()
  const running = await operator({
    wrap: (api) => {
      const watch = api.watch.bind(api)
      return Object.assign(api, {
        async *watch(...[kind, options, signal]: Parameters<KubeApi['watch']>) {
          if (kind.plural !== CONNECTORS.plural) return yield* watch(kind, options, signal)
          if (isDown) throw new KubeApiError(0, 'Unreachable', 'down')
          yield* watch(kind, options, AbortSignal.any([signal, cut.signal]))
        },
      })
    },
  })
  await applyConnector('unseen')
  await eventually(20_000, async () => expect(await objectsOf('unseen')).toHaveLength(3))
  await settled(running)
  isDown = true
  cut.abort()
  const before = writesOf(running.calls).length
  await inNamespace('delete', 'ac', 'unseen')
  await eventually(60_000, async () => expect(await objectsOf('unseen')).toEqual([]))
  expect((await settled(running, before)).filter((write) => !write.includes('/status'))).toEqual([])
  expect(await objectsOf('unseen')).toEqual([])
})

test('what Kubernetes says about a pod that cannot run becomes the error', async () => {
  await operator()
  await applyConnector('no-image')
  await eventually(20_000, async () => {
    const { connector: document, conditions } = (await get('no-image')).status ?? {}
    expect(document).toMatchObject({
      status: 'FAILED',
      error: expect.stringMatching(/^pod no-image-sink-.*no-such-image/),
    })
    const stalled = conditions?.find(({ type }) => type === 'Stalled')
    expect(stalled?.reason).toBe('ImagePullBackOff')
  })
  // The Event comes a moment after the status.
  await eventually(10_000, async () => {
    const events = await inNamespace('get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].reason}')
    expect(events).toContain('ImagePullBackOff')
  })
})

test('what somebody changes by hand is put back, and a field that is no longer wanted goes', async () => {
  const running = await operator()
  await applyConnector('drift', { podTemplate: { nodeSelector: { disk: 'ssd' } } })
  await eventually(20_000, async () => expect((await get('drift')).status?.observedGeneration).toBe(1))
  await settled(running)
  await inNamespace('patch', 'deployment', 'drift-sink', '--type=merge', '-p', '{"spec":{"replicas":3}}')
  await inNamespace('label', 'serviceaccount', 'drift-sink', 'analytics-connector.io/connector-')
  await patch('drift', { podTemplate: null })
  await eventually(20_000, async () => {
    const { spec } = await kubectlJson<{ spec: { replicas: number; template: { spec: object } } }>(
      stack,
      'get',
      'deployment',
      'drift-sink',
      '-n',
      namespace,
    )
    expect(spec.replicas).toBe(1)
    expect(spec.template.spec).not.toHaveProperty('nodeSelector')
    expect(await objectsOf('drift')).toContain('serviceaccount/drift-sink')
  })
})

test('an object of somebody else is never touched: the connector says what is in the way and goes on when it is gone', async () => {
  const foreign = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'conflict-sink', namespace } }
  await apply(stack, foreign)
  const running = await operator()
  await applyConnector('conflict')
  await eventually(20_000, async () => {
    const conditions = (await get('conflict')).status?.conditions
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'Stalled',
        reason: 'NameConflict',
        message: expect.stringContaining('conflict-sink'),
      }),
    )
  })
  expect(await objectsOf('conflict')).toEqual([])
  await inNamespace('delete', 'serviceaccount', 'conflict-sink')
  await patch('conflict', { replicas: 2 })
  await eventually(20_000, async () => expect(await objectsOf('conflict')).toContain('deployment.apps/conflict-sink'))
  expect(writesOf(running.calls).filter((write) => write.startsWith('delete'))).toEqual([])
})

test('of many edits the newest five revisions stay, and deleting old ones rolls no pod', async () => {
  const running = await operator()
  // Each is waited for: of two at once the operator may only ever see the second.
  await applyConnector('edits', { active: false })
  for (let edit = 0; edit <= 7; edit++) {
    if (edit > 0) await patch('edits', { config: { flushSize: edit } })
    await eventually(20_000, async () => expect((await get('edits')).status?.observedGeneration).toBe(edit + 1))
  }
  await settled(running)
  expect((await objectsOf('edits')).filter((name) => name.startsWith('configmap/'))).toHaveLength(5)
  const deployment = await kubectlJson<{ metadata: { generation: number } }>(
    stack,
    'get',
    'deployment',
    'edits-sink',
    '-n',
    namespace,
  )
  expect(deployment.metadata.generation).toBe(8)
})

test('a deleted connector leaves nothing, and one of the same name begins anew', async () => {
  await operator()
  await applyConnector('again', { replicas: 2 })
  await eventually(20_000, async () => expect(await objectsOf('again')).toHaveLength(4))
  await inNamespace('delete', 'ac', 'again')
  await applyConnector('again')
  await eventually(60_000, async () => {
    expect(await objectsOf('again')).toHaveLength(3)
    const owner = (await get('again')).metadata.uid
    const { items } = await kubectlJson<{ items: { metadata: { ownerReferences: { uid: string }[] } }[] }>(
      stack,
      'get',
      'deployments,configmaps,serviceaccounts',
      '-l',
      'analytics-connector.io/connector=again',
      '-n',
      namespace,
    )
    for (const { metadata } of items) expect(metadata.ownerReferences[0]?.uid).toBe(owner)
  })
  await inNamespace('delete', 'ac', 'again')
  await eventually(60_000, async () => expect(await objectsOf('again')).toEqual([]))
})

test('a paused connector that never ran is Ready, without a pod', async () => {
  await operator()
  await applyConnector('paused', { active: false })
  await inNamespace('wait', '--for=condition=Ready', 'ac/paused', '--timeout=20s')
  expect((await get('paused')).status).toMatchObject({
    active: false,
    replicas: 0,
    connector: { status: 'INACTIVE', error: null },
  })
})
