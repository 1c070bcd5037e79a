import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { API_GROUP, API_VERSION, PLURAL } from '../../src/contract/names.ts'
import type { AnalyticsConnector } from '../../src/contract/resource.ts'
import { CRD, DEPLOY } from '../repository.ts'
import { connectStack } from '../stack/remote.ts'
import { type ApiServer, openApiServer } from '../support/api-server.ts'
import { apply, kubectl, kubectlJson } from '../support/kubectl.ts'
import { mergePatch } from '../support/merge-patch.ts'
import { right, rightManifests } from '../support/right-manifests.ts'
import { wrongManifests } from '../support/wrong-manifests.ts'

const stack = connectStack(inject('stack'))
const namespace = `crd-${randomBytes(4).toString('hex')}`
const strictDryRun = `/apis/${API_GROUP}/${API_VERSION}/namespaces/default/${PLURAL}?dryRun=All&fieldValidation=Strict`
let apiServer: ApiServer

const inNamespace = (...args: string[]) => kubectl(stack, ['-n', namespace, ...args])

beforeAll(async () => {
  await kubectl(stack, ['apply', '--server-side', '-f', CRD])
  await kubectl(stack, ['wait', '--for=condition=Established', `crd/${PLURAL}.${API_GROUP}`, '--timeout=30s'])
  await kubectl(stack, ['create', 'namespace', namespace])
  apiServer = await openApiServer(stack)
  // Paused, as an operator may be at work on these servers.
  await apply(stack, connector('stored', { active: false }))
})

afterAll(async () => {
  await apiServer?.close()
  await kubectl(stack, ['delete', 'namespace', namespace, '--wait=false'])
})

function connector(name: string, spec: object = {}): object {
  return mergePatch(right, { metadata: { name, namespace }, spec }) as object
}

describe('the API server refuses, naming field, value and what is allowed', () => {
  test.each(wrongManifests)('$what', async ({ manifest, field, value, allowed }) => {
    const { code, message } = await apiServer.post(strictDryRun, manifest)
    expect(code, message).toBeGreaterThanOrEqual(400)
    // CEL rules write a map's key in brackets, the schema's own checks after a dot.
    expect(message.replace(/\[([a-z]\w*)\]/g, '.$1')).toContain(field)
    if (value !== undefined) expect(message).toContain(value)
    expect(message).toMatch(allowed)
  })
})

describe('the API server accepts', () => {
  test.each(rightManifests)('$what', async ({ manifest }) => {
    expect(await apiServer.post(strictDryRun, manifest)).toEqual({ code: 201, message: '' })
  })
})

test('the API server knows of nothing wrong with the CRD', async () => {
  const crd = await kubectlJson<{ status: { conditions: { type: string; status: string }[] } }>(
    stack,
    'get',
    'crd',
    `${PLURAL}.${API_GROUP}`,
  )
  const conditions = Object.fromEntries(crd.status.conditions.map(({ type, status }) => [type, status]))
  expect(conditions).toMatchObject({ Established: 'True', NamesAccepted: 'True' })
  expect(conditions).not.toHaveProperty('NonStructuralSchema')
})

test('kubectl explain reads well: every field of spec.config has a type and says what it causes', async () => {
  const text = await kubectl(stack, ['explain', 'ac.spec.config'])
  for (const field of ['eventType', 'bucketName', 'customPath', 'flushInterval', 'credentialsSecretRef'])
    expect(text).toMatch(new RegExp(`^  ${field}\\t<\\w+>.*\\n(  enum: .*\\n)?    \\S`, 'm'))
  expect(text).not.toContain('<no description>')
})

test('the samples apply as they are', async () => {
  const said = await inNamespace('apply', '--dry-run=server', '-f', join(DEPLOY, 'samples'))
  expect(said.trim().split('\n').length).toBeGreaterThanOrEqual(4)
})

test('a connector that no operator has seen says so, so that nobody takes it for healthy', async () => {
  const manifest = JSON.stringify(connector('unseen', { active: false }))
  const created = await kubectl(stack, ['create', '-f', '-', '-o', 'json'], { input: manifest })
  expect((JSON.parse(created) as AnalyticsConnector).status).toEqual({ observedGeneration: -1 })
})

test('optional fields get no defaults, which GitOps may show as drift, but the one that autoscalers need', async () => {
  const { spec } = await kubectlJson<AnalyticsConnector>(stack, '-n', namespace, 'get', 'ac', 'stored')
  expect(spec).toEqual({ replicas: 1, ...right.spec, active: false })
})

test.each([
  ['storageType', { storageType: 'KAFKA_GCS' }, /spec.storageType/],
  [
    'eventType',
    { config: { eventType: 'justice_event' } },
    /"justice_event" is not allowed: must stay "game_telemetry"/,
  ],
])('%s cannot be changed', async (_field, spec, said) => {
  await expect(inNamespace('patch', 'ac', 'stored', '--type=merge', '-p', JSON.stringify({ spec }))).rejects.toThrow(
    said,
  )
})

test('the same eventType may be applied again', async () => {
  expect(await apply(stack, connector('stored', { active: false }))).toContain('unchanged')
})

test('kubectl scale sets spec.replicas within its range', async () => {
  await apply(stack, connector('scaled', { active: false }))
  await inNamespace('scale', 'ac/scaled', '--replicas=3')
  const path = `/apis/${API_GROUP}/${API_VERSION}/namespaces/${namespace}/${PLURAL}/scaled/scale`
  const scale = JSON.parse(await kubectl(stack, ['get', '--raw', path])) as unknown
  expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 0 } })
  await expect(inNamespace('scale', 'ac/scaled', '--replicas=1001')).rejects.toThrow('less than or equal to 1000')
})

test('kubectl get shows the columns that a person looks for', async () => {
  const [header] = (await inNamespace('get', 'ac')).split('\n')
  expect(header?.split(/\s+/).filter(Boolean)).toEqual(['NAME', 'READY', 'ACTIVE', 'STATUS', 'REPLICAS', 'AGE'])
  const [wide] = (await inNamespace('get', 'ac', '-o', 'wide')).split('\n')
  expect(wide?.split(/\s+/).filter(Boolean).slice(6)).toEqual(['ERROR', 'BUCKET', 'REVISION'])
})

test('connectors are in the category analytics', async () => {
  expect(await inNamespace('get', 'analytics', '-o', 'name')).toContain('stored')
})
