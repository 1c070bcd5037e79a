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
import { apply, kubectl } from '../support/kubectl.ts'
import { SimulatedNode } from '../support/simulated-node.ts'
import { Person } from './operator-faults/life.ts'

const PAGE = join(import.meta.dirname, '../../docs/status.md')
const RECORDED = join(import.meta.dirname, '../support/status/recorded.json')
const stack = connectStack(inject('stack'))
const namespace = `status-${randomBytes(4).toString('hex')}`
const FOREVER_MS = 600_000
/** A state is there at once, the numbers beside it a moment later. */
const SETTLE_MS = 5_000

/** What a sink says in its error; the words are those of the sink. */
const ERRORS: Record<string, string> = {
  BucketNotFound: 'S3 NoSuchBucket: HeadBucket on bucket acme-events (us-west-2)',
  BucketAccessDenied: 'S3 AccessDenied: PutObject on bucket acme-events (us-west-2)',
  BucketInOtherRegion:
    'S3 PermanentRedirect: HeadBucket on bucket acme-events (us-west-2): the bucket is in region eu-west-1',
  BucketUnsuitable:
    'S3 ConditionalWriteIgnored: object _probe/games/bucket-unsuitable/_probe of bucket acme-events (us-west-2): the server wrote over it although it was asked not to (If-None-Match: *): nothing is delivered',
  CredentialsMissing:
    'S3 CredentialsProviderError: HeadBucket on bucket acme-events (us-west-2): the credentials Secret has no key AWS_ACCESS_KEY_ID',
  CredentialsRefused:
    'S3 InvalidAccessKeyId: HeadBucket on bucket acme-events (us-west-2): the access key id is unknown',
  S3Unreachable: 'S3 ECONNREFUSED: PutObject on bucket acme-events (us-west-2): connect ECONNREFUSED 10.0.0.9:9000',
  S3Failed: 'S3 InternalError: PutObject on bucket acme-events (us-west-2)',
  TopicNotFound: 'Kafka topic analytics_game_telemetry.live.acme.gameStarted does not exist',
  KafkaAccessDenied: 'Kafka: joining group acme: not authorized to use the consumer group (GROUP_AUTHORIZATION_FAILED)',
  KafkaCredentialsRefused: 'Kafka: kafka:9093: SASL SCRAM-SHA-512 authentication failed',
  KafkaUnreachable: 'Kafka: kafka:9092: connect ECONNREFUSED 10.0.0.7:9092',
  KafkaFailed:
    'Kafka: joining group acme: the consumer group is full (group.max.size of the broker) (GROUP_MAX_SIZE_REACHED)',
  PartitionStopped:
    'analytics_game_telemetry.live.acme.gameStarted partition 3 is stopped: another writer has made the object of this set',
  SinkFailed: 'the sink cannot go on',
}

/** What the kubelet says of a container. */
const CONTAINERS: Record<string, object> = {
  ImagePullBackOff: {
    state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "no-such-image:1"' } },
  },
  CrashLoopBackOff: {
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 1, reason: 'Error', message: '{"msg":"the sink cannot run","error":"why"}' } },
  },
  OOMKilled: {
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  },
  CreateContainerConfigError: {
    state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' } },
  },
}

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
    await apply(stack, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'name-conflict-sink', namespace },
    })
    return {}
  },
}

/** States that a connector comes into from Ready. */
const EDITS: Record<string, Wish> = { RollingOut: { config: { flushSize: 7 } }, Stopping: { active: false } }
const OTHERS = ['Delivering', 'Starting', 'PodUnreachable', 'Deleting', ...Object.keys(EDITS)]
const REASONS = [...OTHERS, ...Object.keys(WISHES), ...Object.keys(CONTAINERS), ...Object.keys(ERRORS)]

const nameOf = (reason: string) =>
  reason
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/^S3([A-Z])/, 's3-$1')
    .toLowerCase()
const byName = Object.fromEntries(REASONS.map((reason) => [nameOf(reason), reason]))
const reasonOf = (pod: Pod) => byName[pod.metadata.labels?.['analytics-connector.io/connector'] ?? ''] ?? ''
const firstPods = new Map<string, string>()

function says(pod: Pod): Partial<SinkStatus> | undefined {
  const reason = reasonOf(pod)
  if (reason === 'PodUnreachable') return undefined
  if (ERRORS[reason]) return { state: 'FAILED', error: ERRORS[reason] }
  const first = firstPods.get(reason) ?? pod.metadata.uid
  firstPods.set(reason, first)
  const isStarting = reason === 'Starting' || (reason === 'RollingOut' && first !== pod.metadata.uid)
  return isStarting ? { state: 'STARTING' } : {}
}

let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>
let node: SimulatedNode
let operator: RunningOperator
let person: Person

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  node = await SimulatedNode.start({
    kubeconfigPath: stack.kubeconfigPath,
    name: `simulated-${randomBytes(3).toString('hex')}`,
    says,
    container: (pod) => CONTAINERS[reasonOf(pod)],
    drainMs: (pod) => (['Stopping', 'Deleting'].includes(reasonOf(pod)) ? FOREVER_MS : 0),
  })
  const topicPatterns = { game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}' }
  const statusPollSeconds = { changing: 0.2, steady: 2 }
  operator = await startOperator(stack, { config: { watchNamespaces: [namespace], topicPatterns, statusPollSeconds } })
  person = await Person.in(stack, namespace, node.placement, 60_000)
})

afterAll(async () => {
  // Its pods never end: let go, or it would hold up the namespace.
  await person?.asks('deleting', { deletionPolicy: 'Retain' }).catch(() => {})
  await eventually(10_000, async () =>
    expect(await person.api.get(CONNECTORS, { namespace, name: 'deleting' })).toBeUndefined(),
  )
  await operator?.stop()
  await person?.api.close()
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await node?.stop()
  await installed?.restore()
})

test('every state looks as the page shows it, and its status is the one that is recorded', async () => {
  await Promise.all(REASONS.map(enter))
  if (process.env.CAPTURE === '1') await write()
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8'))
  await Promise.all(
    REASONS.map((reason) =>
      eventually(20_000, async () => {
        expect(await captureOf(reason), reason).toBe(shown(page(), reason))
        expect(await statusOf(reason), reason).toEqual(recorded[reason])
      }),
    ),
  )
}, 120_000)

async function write(): Promise<void> {
  await delay(SETTLE_MS)
  const captured = await Promise.all(REASONS.map(async (reason) => [reason, await captureOf(reason)] as const))
  writeFileSync(
    PAGE,
    captured.reduce((text, [reason, block]) => written(text, reason, block), page()),
  )
  const statuses = await Promise.all(REASONS.map(async (reason) => [reason, await statusOf(reason)] as const))
  writeFileSync(RECORDED, `${JSON.stringify(Object.fromEntries(statuses), undefined, 2)}\n`)
}

/** Generation and status, with what differs from run to run replaced. */
async function statusOf(reason: string): Promise<unknown> {
  const { metadata, status } = (await person.api.get(CONNECTORS, { namespace, name: nameOf(reason) })) ?? {}
  const text = JSON.stringify({ generation: metadata?.generation, status: { ...status, id: 7 } })
  return JSON.parse(repeatable(text).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-03-01T12:00:00Z'))
}

async function enter(reason: string): Promise<void> {
  const name = nameOf(reason)
  const edit = EDITS[reason]
  if (edit) {
    await person.wants(name, {})
    await person.asks(name, edit)
  } else if (reason === 'Deleting') {
    await person.wants(name, { deletionPolicy: 'DeleteConsumerGroup' })
    await kubectl(stack, ['delete', 'ac', name, '--wait=false', '-n', namespace])
  } else await person.asks(name, (await WISHES[reason]?.()) ?? {})
  await eventually(60_000, async () => {
    const { status } = (await person.api.get(CONNECTORS, { namespace, name })) ?? {}
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.reason, name).toBe(reason)
  })
}

/** What kubectl prints, with what differs from run to run replaced. */
async function captureOf(reason: string): Promise<string> {
  const printed = await kubectl(stack, ['get', 'ac', nameOf(reason), '-o', 'wide', '-n', namespace])
  const [header = '', row = ''] = printed.split('\n')
  const columns = header.split(/\s{2,}/).map((title) => ({ title, start: header.indexOf(title) }))
  const cells = columns.map(({ start }, i) => row.slice(start, columns[i + 1]?.start).trim())
  const same = cells.map((cell, i) => {
    if (columns[i]?.title === 'AGE') return '5m'
    return repeatable(cell)
  })
  const widths = columns.map(({ title }, i) => Math.max(title.length, same[i]?.length ?? 0) + 3)
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('')
      .trimEnd()
  return `${line(columns.map(({ title }) => title))}\n${line(same)}`
}

function repeatable(text: string): string {
  return (
    text
      .replace(/-sink-[a-z0-9]{7,10}-[a-z0-9]{5}/g, '-sink-5d8f9c7b6d-x2x9k')
      .replace(/-sink-[a-z0-9]{7,10}-(?![a-z0-9])/g, '-sink-5d8f9c7b6d-')
      .replace(/\b[0-9a-f]{10}\b/g, '0a1b2c3d4e')
      .replaceAll(namespace, 'games')
      .replace(/127\.\d+\.\d+\.\d+/g, '10.0.0.8')
      // The scheduler counts all nodes, those that other tests left too.
      .replace(
        /0\/\d+ nodes are available: [^"]*/g,
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
      )
  )
}

const page = () => readFileSync(PAGE, 'utf8')
const blockOf = (reason: string) =>
  new RegExp(`(\n### ${reason}\n[^#]*?\\$ kubectl get ac ${nameOf(reason)} -o wide\n)([^\`]*)(\n\`\`\`)`)

function shown(text: string, reason: string): string | undefined {
  return blockOf(reason).exec(text)?.[2]
}

function written(text: string, reason: string, block: string): string {
  return text.replace(blockOf(reason), (_all, before: string, _old: string, after: string) => before + block + after)
}
