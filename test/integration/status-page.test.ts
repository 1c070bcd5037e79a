/**
 * docs/status.md shows what kubectl prints in every state, and test/support/status/recorded.json has the statuses themselves. The states
 * are made here, on a real API server with simulated pods, and compared with both; `CAPTURE=1` writes them.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { SinkStatus } from '../../src/contract/sink-status.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import type { Pod } from '../stack/node-agent/pod.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningOperator, startOperator, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { SimulatedNode } from '../support/simulated-node.ts'
import { Person } from './operator-faults/life.ts'
import { capture, columnsOf, conditionsOf, eventsOf, nameOf, repeatable, shown, write } from './status-page/page.ts'
import { CONTAINERS, ERRORS, GROUP_CONTAINERS, SAYS } from './status-page/words.ts'

const RECORDED = join(import.meta.dirname, '../support/status/recorded.json')
const stack = connectStack(inject('stack'))
const namespace = `status-${randomBytes(4).toString('hex')}`
/** Another one, whose quota allows no Deployment. */
const fullNamespace = `${namespace}-full`
const FOREVER_MS = 600_000
/** A state is there at once, the numbers beside it a moment later. */
const SETTLE_MS = 5_000

type Wish = Parameters<Person['asks']>[1]

/** What a connector must ask for, or what must be so before, to come into a state; the rest is done by its pods. */
const WISHES: Record<string, () => Promise<Wish> | Wish> = {
  Paused: () => ({ active: false }),
  ScaledToZero: () => ({ replicas: 0 }),
  InvalidConfiguration: () => ({ config: { eventType: 'justice_event' } }),
  ObjectRefused: () => ({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
  PodsRefused: () => ({ serviceAccountName: 'nobody' }),
  Unschedulable: () => ({ podTemplate: { ...node.placement, nodeSelector: { disk: 'none' } } }),
  NameConflict: async () => {
    await applyTo(namespace, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'name-conflict-sink' } })
    return {}
  },
  Forbidden: async () => {
    const hard = { 'count/deployments.apps': '0' }
    await applyTo(fullNamespace, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'full' },
      spec: { hard },
    })
    return {}
  },
}

/** States that a connector comes into from Ready. */
const EDITS: Record<string, Wish> = { RollingOut: { config: { flushSize: 7 } }, Stopping: { active: false } }
const OTHERS = [
  'Delivering',
  'Starting',
  'PodUnreachable',
  'Deleting',
  'ProgressDeadlineExceeded',
  ...Object.keys(EDITS),
]
/** Reasons of the condition Ready. */
const OF_READY = [...OTHERS, ...Object.keys(WISHES), ...Object.keys(CONTAINERS), ...Object.keys(ERRORS)]

const SHARED_PATH = { config: { customPath: 'shared/{topic}.json' } }

/** Reasons of other conditions: how a connector comes to them. */
const OF_OTHER_CONDITIONS: Record<string, (name: string) => Promise<unknown>> = {
  NotYetRenewed: (name) => person.asks(name, { active: false }),
  Renewed: (name) => renewed(name, Date.now()),
  RenewalOverdue: (name) => renewed(name, Date.now() - 3 * 86_400_000),
  RenewalFailed: async (name) => {
    await pause(name)
    const made = ['create', 'job', `${name}-now`, `--from=cronjob/${name}-keep-offsets`, '--dry-run=client']
    const job = await kubectlJson<{ spec: object }>(stack, ...made, '-n', namespace)
    await applyTo(namespace, { ...job, spec: { ...job.spec, backoffLimit: 0 } })
  },
  TooFewPartitions: (name) => person.asks(name, { replicas: 5 }),
  ObjectKeyConflict: (name) => Promise.all([person.asks(name, SHARED_PATH), person.asks(`${name}-twin`, SHARED_PATH)]),
  ConsumerGroupConflict: (name) => {
    const wish = { kafka: { groupId: 'game-events' } }
    return Promise.all([person.asks(name, wish), person.asks(`${name}-twin`, wish)])
  },
}

/** Events that are no condition's: how they come about. */
const EVENTS: Record<string, (name: string) => Promise<unknown>> = {
  OffsetsExpired: (name) => person.asks(name, {}),
  ConsumerGroupDeleted: deleteWithGroup,
  ConsumerGroupKept: async (name) => {
    await deleteWithGroup(name)
    // It would try twice more.
    const once = ['--type=merge', '-p', '{"spec":{"backoffLimit":0}}', '-n', namespace]
    await eventually(30_000, () => kubectl(stack, ['patch', 'job', `${name}-delete-group`, ...once]))
  },
}

const REASONS = [...OF_READY, ...Object.keys(OF_OTHER_CONDITIONS), ...Object.keys(EVENTS)]
/** Those of a connector that is there to have a status. */
const RECORDED_REASONS = REASONS.filter((reason) => !reason.startsWith('ConsumerGroup') || reason.endsWith('Conflict'))

const byName = Object.fromEntries(REASONS.map((reason) => [nameOf(reason), reason]))
const reasonOf = (pod: Pod) => byName[pod.metadata.labels?.['analytics-connector.io/connector'] ?? ''] ?? ''
const namespaceOf = (reason: string) => (reason === 'Forbidden' ? fullNamespace : namespace)
const firstPods = new Map<string, string>()

function says(pod: Pod): Partial<SinkStatus> | undefined {
  const reason = reasonOf(pod)
  if (reason === 'PodUnreachable') return undefined
  if (ERRORS[reason]) return { state: 'FAILED', error: ERRORS[reason] }
  const first = firstPods.get(reason) ?? pod.metadata.uid
  firstPods.set(reason, first)
  const isStarting = reason === 'RollingOut' && first !== pod.metadata.uid
  return isStarting ? { state: 'STARTING' } : (SAYS[reason] ?? {})
}

let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>
let node: SimulatedNode
let operator: RunningOperator
let person: Person
let personInFull: Person

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await Promise.all([namespace, fullNamespace].map((each) => kubectl(stack, ['create', 'namespace', each])))
  node = await SimulatedNode.start({
    kubeconfigPath: stack.kubeconfigPath,
    name: `simulated-${randomBytes(3).toString('hex')}`,
    says,
    container: (pod) => (pod.spec.containers[0]?.name === 'group' ? GROUP_CONTAINERS : CONTAINERS)[reasonOf(pod)],
    drainMs: (pod) => (['Stopping', 'Deleting'].includes(reasonOf(pod)) ? FOREVER_MS : 0),
  })
  const topicPatterns = { game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}' }
  const statusPollSeconds = { changing: 0.2, steady: 2 }
  const watchNamespaces = [namespace, fullNamespace]
  operator = await startOperator(stack, { config: { watchNamespaces, topicPatterns, statusPollSeconds } })
  person = await Person.in(stack, namespace, node.placement, 60_000)
  personInFull = await Person.in(stack, fullNamespace, node.placement, 60_000)
})

afterAll(async () => {
  // Its pods never end: let go, or it would hold up the namespace.
  await person?.asks('deleting', { deletionPolicy: 'Retain' }).catch(() => {})
  await eventually(10_000, async () =>
    expect(await person.api.get(CONNECTORS, { namespace, name: 'deleting' })).toBeUndefined(),
  )
  await operator?.stop()
  await Promise.all([person?.api.close(), personInFull?.api.close()])
  await kubectl(stack, ['delete', 'namespace', namespace, fullNamespace, '--wait=false'])
  await node?.stop()
  await installed?.restore()
})

test('every state looks as the page shows it, and its status is the one that is recorded', async () => {
  await Promise.all(REASONS.map(enter))
  // Asked for by hand (docs/testing.md), as vitest has no flags of ours: a test run never rewrites the page that it checks.
  if (process.env.CAPTURE === '1') await record()
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8'))
  await Promise.all(
    REASONS.map((reason) =>
      eventually(20_000, async () => {
        expect(await captureOf(reason), reason).toBe(shown(reason))
        if (RECORDED_REASONS.includes(reason)) expect(await statusOf(reason), reason).toEqual(recorded[reason])
      }),
    ),
  )
}, 120_000)

async function record(): Promise<void> {
  await delay(SETTLE_MS)
  write(new Map(await Promise.all(REASONS.map(async (reason) => [reason, await captureOf(reason)] as const))))
  const statuses = await Promise.all(RECORDED_REASONS.map(async (reason) => [reason, await statusOf(reason)] as const))
  writeFileSync(RECORDED, `${JSON.stringify(Object.fromEntries(statuses), undefined, 2)}\n`)
}

/** Generation and status, with what differs from run to run replaced. */
async function statusOf(reason: string): Promise<unknown> {
  const ref = { namespace: namespaceOf(reason), name: nameOf(reason) }
  const { metadata, status } = (await person.api.get(CONNECTORS, ref)) ?? {}
  const text = JSON.stringify({ generation: metadata?.generation, status: { ...status, id: 7 } })
  return JSON.parse(repeatable(text, ref.namespace))
}

function captureOf(reason: string): Promise<string> {
  const commands = EVENTS[reason]
    ? [eventsOf(reason)]
    : [columnsOf(reason), ...(OF_OTHER_CONDITIONS[reason] ? [conditionsOf(reason)] : [])]
  return capture(stack, namespaceOf(reason), commands)
}

async function enter(reason: string): Promise<void> {
  const name = nameOf(reason)
  const special = OF_OTHER_CONDITIONS[reason] ?? EVENTS[reason]
  if (special) await special(name)
  else await enterOfReady(reason, name)
  await eventually(60_000, async () => {
    if (EVENTS[reason]) return expect(await captureOf(reason)).toContain('5m')
    const { status } = (await person.api.get(CONNECTORS, { namespace: namespaceOf(reason), name })) ?? {}
    const reasons = status?.conditions?.map((condition) => condition.reason)
    expect(reasons, name).toContain(reason)
  })
}

async function enterOfReady(reason: string, name: string): Promise<void> {
  const edit = EDITS[reason]
  if (edit) {
    await person.wants(name, {})
    await person.asks(name, edit)
  } else if (reason === 'Deleting') {
    await person.wants(name, { deletionPolicy: 'DeleteConsumerGroup' })
    await kubectl(stack, ['delete', 'ac', name, '--wait=false', '-n', namespace])
  } else {
    const who = reason === 'Forbidden' ? personInFull : person
    await who.asks(name, (await WISHES[reason]?.()) ?? {})
  }
  // The five minutes that the Deployment controller gives a rollout are not waited for.
  if (reason === 'ProgressDeadlineExceeded') await eventually(30_000, () => expireRollout(name))
}

/** What the Deployment controller writes when the time for a rollout is over; it keeps to it, once it has counted the pods. */
async function expireRollout(name: string): Promise<void> {
  const counted = ['get', `deployment/${name}-sink`, '-n', namespace, '-o', 'jsonpath={.status.updatedReplicas}']
  expect(await kubectl(stack, counted)).toBe('1')
  const condition = {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `ReplicaSet "${name}-sink-5d8f9c7b6d" has timed out progressing.`,
  }
  await patchStatus(`deployment/${name}-sink`, { conditions: [condition] })
}

async function pause(name: string): Promise<void> {
  await person.asks(name, { active: false })
  await eventually(30_000, () => kubectl(stack, ['get', 'cronjob', `${name}-keep-offsets`, '-n', namespace]))
}

/** As the CronJob's controller notes a success. */
async function renewed(name: string, atMs: number): Promise<void> {
  await pause(name)
  await patchStatus(`cronjob/${name}-keep-offsets`, { lastSuccessfulTime: new Date(atMs).toISOString() })
}

async function patchStatus(object: string, status: object): Promise<void> {
  const patch = JSON.stringify({ status })
  await kubectl(stack, ['patch', object, '--subresource=status', '-p', patch, '-n', namespace])
}

async function deleteWithGroup(name: string): Promise<void> {
  await person.wants(name, { deletionPolicy: 'DeleteConsumerGroup', kafka: { groupId: name } })
  await kubectl(stack, ['delete', 'ac', name, '--wait=false', '-n', namespace])
}

function applyTo(namespaceOfObject: string, object: object): Promise<string> {
  const { metadata } = object as { metadata: object }
  return apply(stack, { ...object, metadata: { ...metadata, namespace: namespaceOfObject } })
}
