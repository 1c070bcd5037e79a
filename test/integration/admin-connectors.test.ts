/** The REST API on a real API server and Kafka, two replicas of it beside kubectl and the operator. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningAdmin, startAdmin } from '../support/in-process-admin.ts'
import { startOperator, withoutInstalledOperator } from '../support/in-process-operator.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { createLedTopics } from '../support/led-topics.ts'
import { connector } from '../support/manifests.ts'

const stack = connectStack(inject('stack'))
const namespace = `rest-${randomBytes(4).toString('hex')}`
const inNamespace = (...args: string[]) => kubectl(stack, [...args, '-n', namespace])
const read = (name: string) => kubectlJson<AnalyticsConnector>(stack, 'get', 'ac', name, '-n', namespace)
let one: RunningAdmin
let other: RunningAdmin
let installed: Awaited<ReturnType<typeof withoutInstalledOperator>>

beforeAll(async () => {
  installed = await withoutInstalledOperator(stack)
  await kubectl(stack, ['create', 'namespace', namespace])
  ;[one, other] = await Promise.all([startAdmin(stack, namespace), startAdmin(stack, namespace)])
})

afterAll(async () => {
  await Promise.all([one?.stop(), other?.stop()])
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
  await installed?.restore()
})

function aBody(connectorName: string, filter: object = { acme: ['*'] }) {
  return {
    connectorName,
    connectorType: 'SINK',
    storageType: 'KAFKA_S3',
    config: {
      bucketName: 'acme-events',
      region: 'us-west-2',
      customPath: '{eventType}/{topic}.json',
      customPartitionDuration: '900000',
      partSize: '5242880',
      flushInterval: '5',
      eventType: 'game_telemetry',
      flushSize: '100',
    },
    filter,
  }
}

async function create(name: string, filter?: object): Promise<{ id: number; connectorName: string }> {
  const { status, json } = await one.call('POST', '/connectors', aBody(name, filter))
  expect(status, JSON.stringify(json)).toBe(201)
  return json
}

test('the life of a connector, each step at another replica than the one before', async () => {
  const { id, connectorName } = await create('life')
  const shown = await other.call('GET', `/connectors/${id}`)
  expect(shown.json).toMatchObject({
    id,
    connectorName,
    active: false,
    ...(({ config, filter }) => ({ config, filter }))(aBody('')),
  })
  expect((await one.call('PUT', `/connectors/${id}/activate`)).json).toEqual({ id, active: true })
  expect((await other.call('GET', `/connectors/${id}/status`)).json).toMatchObject({ status: 'STARTING', error: null })
  const edited = await other.call('PUT', `/connectors/${id}`, { config: { flushSize: 200 } })
  expect([edited.status, edited.json.config.flushSize]).toEqual([200, '200'])
  expect((await one.call('GET', `/connectors/${id}`)).json).toEqual(edited.json)
  const paused = await one.call('PUT', `/connectors/${id}/deactivate`)
  expect(paused.headers.get('warning')).toMatch(/retention/)
  expect((await read(connectorName)).spec).toMatchObject({ active: false, config: { flushSize: 200 } })
  expect((await other.call('DELETE', `/connectors/${id}`)).json).toEqual({ deleted: true, id })
  expect((await one.call('GET', `/connectors/${id}`)).status).toBe(404)
})

describe('beside kubectl', () => {
  test('what kubectl makes is in the next answer of every replica, with an id that stays', async () => {
    const manifest = connector(stack, {
      name: 'by-hand',
      namespace,
      bucketName: 'acme-events',
      filter: { acme: ['*'] },
    })
    await apply(stack, manifest)
    const listed = await one.call('GET', '/connectors?connectorName=by-hand')
    expect(listed.json).toMatchObject([{ connectorName: 'by-hand', active: true }])
    const { id } = listed.json[0]
    expect((await other.call('GET', `/connectors/${id}`)).json).toEqual(listed.json[0])
    await inNamespace('delete', 'ac', 'by-hand')
    expect((await other.call('GET', `/connectors/${id}`)).status).toBe(404)
    await apply(stack, manifest)
    const again = await other.call('GET', '/connectors?connectorName=by-hand')
    expect(again.json[0].id).toBeGreaterThan(id)
  })

  test('what the API makes kubectl sees, and a copy of it gets an id of its own', async () => {
    const { id, connectorName } = await create('original')
    const original = await read(connectorName)
    expect(original.metadata.labels?.['analytics-connector.io/id']).toBe(String(id))
    const { labels } = original.metadata
    // Kubernetes notes creation in whole seconds, and without an operator nothing else tells the original from its copy.
    await delay(1_100)
    await apply(stack, { ...original, metadata: { name: 'copy', namespace, labels }, status: undefined })
    const { json } = await one.call('GET', '/connectors')
    const ids = (json as { id: number; connectorName: string }[]).filter(({ connectorName: name }) =>
      ['copy', connectorName].includes(name),
    )
    expect(ids.find((each) => each.connectorName === connectorName)?.id).toBe(id)
    expect(ids.find((each) => each.connectorName === 'copy')?.id).toBeGreaterThan(id)
  })

  test('the operator gives an id too, and puts back a label that somebody removed', async () => {
    const operator = await startOperator(stack, { config: { watchNamespaces: [namespace] } })
    onTestFinished(() => operator.stop())
    const spec = { active: false }
    await apply(
      stack,
      connector(stack, { name: 'given', namespace, bucketName: 'nowhere', filter: { acme: ['*'] }, spec }),
    )
    const id = await eventually(10_000, async () => {
      const { status } = await read('given')
      expect(status?.id).toBeGreaterThan(0)
      return status?.id
    })
    expect((await one.call('GET', `/connectors/${id}`)).json.connectorName).toBe('given')
    await inNamespace('label', 'ac', 'given', 'analytics-connector.io/id-')
    await eventually(10_000, async () => {
      expect((await read('given')).metadata.labels?.['analytics-connector.io/id']).toBe(String(id))
    })
    expect((await other.call('GET', `/connectors/${id}/status`)).json).toMatchObject({
      status: 'INACTIVE',
      error: null,
    })
  })

  test.each([
    ['kubectl apply', ['apply', '-f', '-'], 'kubectl-client-side-apply'],
    ['GitOps', ['apply', '--server-side', '--field-manager=argocd-controller', '-f', '-'], 'argocd-controller'],
  ])('a field that %s owns is refused with its name, others are free', async (_what, command, manager) => {
    const name = `owned-${manager.slice(0, 6)}`
    const config = { flushSize: 10 }
    const manifest = connector(stack, { name, namespace, bucketName: 'acme-events', filter: { acme: ['*'] }, config })
    await kubectl(stack, command, { input: JSON.stringify(manifest) })
    const [{ id }] = (await one.call('GET', `/connectors?connectorName=${name}`)).json
    const { status, json } = await one.call('PUT', `/connectors/${id}`, { config: { flushSize: 20, partSize: '6Mi' } })
    expect([status, json]).toEqual([
      409,
      { errorCode: 90007, errorMessage: `config.flushSize is managed by "${manager}": change it there` },
    ])
    expect((await one.call('PUT', `/connectors/${id}`, { config: { flushSize: 10, partSize: '6Mi' } })).status).toBe(
      200,
    )
    expect((await one.call('PUT', `/connectors/${id}/deactivate`)).status).toBe(200)
    await kubectl(stack, command, { input: JSON.stringify(manifest) })
    expect((await read(name)).spec).toMatchObject({ active: false, config: { flushSize: 10, partSize: '6Mi' } })
  })
})

test('50 creates at once at two replicas have 50 ids', async () => {
  const replicas = [one, other]
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, i) => replicas[i % 2]?.call('POST', '/connectors', aBody('many'))),
  )
  expect(made.map((each) => each?.status)).toEqual(Array(50).fill(201))
  expect(new Set(made.map((each) => each?.json.id)).size).toBe(50)
})

test('of two editors who have read the same, one gets 409 and nothing is lost', async () => {
  const { id } = await create('editors')
  const { headers } = await one.call('GET', `/connectors/${id}`)
  const match = { 'if-match': headers.get('etag') ?? '' }
  const answers = await Promise.all([
    one.call('PUT', `/connectors/${id}`, { config: { flushSize: '111' } }, match),
    other.call('PUT', `/connectors/${id}`, { config: { flushInterval: '11' } }, match),
  ])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const winner = answers.find(({ status }) => status === 200)
  expect((await one.call('GET', `/connectors/${id}`)).json).toEqual(winner?.json)
})

test('of an edit and a deletion of what was read, one at most is done', async () => {
  // At once each time, so that some edits come between the deletion's check and its write.
  for (let i = 0; i < 10; i++) {
    const { id } = await create('edited-or-deleted')
    const { headers } = await one.call('GET', `/connectors/${id}`)
    const match = { 'if-match': headers.get('etag') ?? '' }
    const [edited, deleted] = await Promise.all([
      one.call('PUT', `/connectors/${id}`, { config: { flushSize: '111' } }, match),
      other.call('DELETE', `/connectors/${id}`, undefined, match),
    ])
    expect([
      [200, 409],
      [404, 200],
      [409, 200],
    ]).toContainEqual([edited.status, deleted.status])
    expect((await one.call('GET', `/connectors/${id}`)).status).toBe(deleted.status === 200 ? 404 : 200)
  }
})

test('what only the cluster can refuse is told, and what it would refuse is refused before', async () => {
  const { id } = await create('refused')
  const { status, json } = await one.call('PUT', `/connectors/${id}`, { config: { eventType: 'justice_event' } })
  expect([status, json.errorCode]).toEqual([400, 20002])
})

test('a quota allows no more connectors: POST says which, and what it counts', async () => {
  const full = `${namespace}-full`
  const count = 'count/analyticsconnectors.analytics-connector.io'
  await kubectl(stack, ['create', 'namespace', full])
  const admin = await startAdmin(stack, full)
  onTestFinished(async () => {
    await admin.stop()
    await kubectl(stack, ['delete', 'namespace', full, '--wait=false'])
  })
  await kubectl(stack, ['create', 'quota', 'few', `--hard=${count}=1`, '-n', full])
  // Kubernetes refuses everything until it has counted what there is.
  await kubectl(stack, [
    'wait',
    `--for=jsonpath={.status.used.count/analyticsconnectors\\.analytics-connector\\.io}=0`,
    '--timeout=60s',
    'quota/few',
    '-n',
    full,
  ])
  expect((await admin.call('POST', '/connectors', aBody('first'))).status).toBe(201)
  const { status, json } = await admin.call('POST', '/connectors', aBody('second'))
  const words = `exceeded quota: few, requested: ${count}=1, used: ${count}=1, limited: ${count}=1`
  expect([status, json]).toEqual([403, { errorCode: 90012, errorMessage: `the cluster refuses it: ${words}` }])
})

test('v2 shows the connectors of its namespace only', async () => {
  const own = await create('own', { confined: ['*'] })
  const wide = await create('wide', { confined: ['*'], acme: ['*'] })
  const v2 = '/analytics-connector/v2/admin/namespaces/confined/connectors'
  const { json } = await other.call('GET', v2)
  expect(json.map((each: { id: number }) => each.id)).toEqual([own.id])
  expect((await other.call('DELETE', `${v2}/${wide.id}`)).status).toBe(404)
  expect((await one.call('GET', `/connectors/${wide.id}`)).status).toBe(200)
})

test('topics come from Kafka, by namespace', async () => {
  const topic = `analytics_game_telemetry.dev.${namespace}.gameStarted`
  const kafka = new Kafka({ brokers: stack.kafkaBootstrapServers.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await createLedTopics(admin, [{ topic }])
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  })
  await eventually(10_000, async () => {
    const { json } = await one.call('GET', '/tools/kafka/topics/game_telemetry')
    expect(json[namespace]).toEqual([topic])
  })
})
