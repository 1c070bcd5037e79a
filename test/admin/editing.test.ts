/** Two editors, GitOps beside the API, and what may never change. */
import { describe, expect, test } from 'vitest'
import { ID_LABEL } from '../../src/contract/names.ts'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { fieldsOf } from '../support/memory-kube-api.ts'
import { anAdmin, NEW_CONNECTOR, V1, V2 } from './fixture.ts'

async function withConnector() {
  const admin = anAdmin()
  const { id, connectorName } = await admin.create()
  const url = `${V1}/connectors/${id}`
  const edit = (body: object, headers = {}) => admin.send({ method: 'PUT', url, body, headers })
  /** Somebody else's write with kubectl. */
  const kubectl = (spec: object, manager = 'kubectl-client-side-apply') => {
    const connector = admin.stored(connectorName)
    const entry = { manager, operation: 'Update', time: '2026-03-01T12:00:00Z', fieldsV1: fieldsOf({ spec }) }
    const managedFields = [...((connector.metadata.managedFields ?? []) as object[]), entry]
    const config = { ...connector.spec.config, ...(spec as { config?: object }).config }
    admin.api.put(CONNECTORS, {
      ...connector,
      metadata: { ...connector.metadata, managedFields },
      spec: { ...connector.spec, ...spec, config },
    } as typeof connector)
  }
  /** The operator's write of the status. */
  const reportStatus = () => {
    const connector = admin.stored(connectorName)
    admin.api.put(CONNECTORS, { ...connector, status: { observedGeneration: 1, id } })
  }
  return { ...admin, id, url, edit, kubectl, reportStatus, spec: () => admin.stored(connectorName).spec, connectorName }
}

describe('fields', () => {
  test('those that are left out keep their value', async () => {
    const { edit, spec } = await withConnector()
    const { status, json } = await edit({ config: { flushSize: 500 } })
    expect([status, json.config]).toEqual([200, { ...NEW_CONNECTOR.config, flushSize: '500' }])
    expect(spec()).toEqual({
      active: false,
      storageType: 'KAFKA_S3',
      config: { ...NEW_CONNECTOR.config, flushSize: 500 },
      filter: NEW_CONNECTOR.filter,
    })
  })

  test('the filter is replaced as a whole', async () => {
    const { edit, spec } = await withConnector()
    await edit({ filter: { other: ['*'] } })
    expect(spec().filter).toEqual({ other: ['*'] })
  })

  test('an object in an object is replaced as a whole too: a key of the old Secret is not looked for in the new one', async () => {
    const { edit, spec } = await withConnector()
    await edit({ config: { endpoint: 'https://minio:9000', tls: { caSecretRef: { name: 'old', key: 'old.pem' } } } })
    const { json } = await edit({ config: { tls: { caSecretRef: { name: 'new' } } } })
    expect(json.config.tls).toEqual({ caSecretRef: { name: 'new' } })
    expect(spec().config.tls).toEqual({ caSecretRef: { name: 'new' } })
  })

  test('an edit that repeats everything changes nothing and writes nothing', async () => {
    const { api, edit, connectorName } = await withConnector()
    api.calls.length = 0
    const { status } = await edit({ ...NEW_CONNECTOR, connectorName })
    expect(status).toBe(200)
    expect(api.calls).not.toContain('patch analyticsconnectors')
  })

  test.each([
    ['connectorName', { connectorName: 'other' }, 'connectorName: "other" is not allowed: must stay "game-events-'],
    ['storageType', { storageType: 'KAFKA_GCS' }, 'storageType: "KAFKA_GCS" is not allowed: must be "KAFKA_S3"'],
    [
      'event type',
      { config: { eventType: 'game_telemetry' } },
      'config.eventType: "game_telemetry" is not allowed: must stay "justice_event"',
    ],
    ['active', { active: true }, 'active: is not a field'],
    ['null', { config: { flushSize: null } }, 'config.flushSize: null is not allowed: must be'],
    [
      'a rule across fields',
      { config: { endpoint: 'http://10.0.0.1:9000', forcePathStyle: 'false' } },
      'forcePathStyle: false is not allowed',
    ],
  ])('refused with 400: %s', async (_what, body, message) => {
    const { edit } = await withConnector()
    const { status, json } = await edit(body)
    expect([status, json.errorCode]).toEqual([400, 20002])
    expect(json.errorMessage).toContain(message)
  })

  test('a boolean may be text, as it is shown', async () => {
    const { edit, spec } = await withConnector()
    const { json } = await edit({ config: { forcePathStyle: 'true' } })
    expect(spec().config.forcePathStyle).toBe(true)
    expect(json.config.forcePathStyle).toBe('true')
  })
})

describe('two editors', () => {
  test('of two who have read the same, the second gets 409 and nothing is lost', async () => {
    const { send, url, edit, spec } = await withConnector()
    const { headers } = await send({ url })
    const match = { 'if-match': headers.etag ?? '' }
    expect((await edit({ config: { flushSize: 500 } }, match)).status).toBe(200)
    const second = await edit({ config: { flushInterval: '10' } }, match)
    expect([second.status, second.json.errorCode]).toEqual([409, 90006])
    expect(spec().config).toMatchObject({ flushSize: 500, flushInterval: '15' })
  })

  test('a tag that a proxy has made weak on its way counts as what it was', async () => {
    const { send, url, edit } = await withConnector()
    const { headers } = await send({ url })
    const match = { 'if-match': `W/${headers.etag}` }
    expect((await edit({ config: { flushSize: 500 } }, match)).status).toBe(200)
    expect((await edit({ config: { flushSize: 600 } }, match)).json.errorCode).toBe(90006)
    expect((await edit({ config: { flushSize: 600 } }, { 'if-match': 'W/*' })).json.errorCode).toBe(20002)
  })

  test('an edit between the read and the write of another is noticed', async () => {
    const { api, edit, spec, stored, connectorName } = await withConnector()
    api.before.set('patch analyticsconnectors', () => {
      const connector = stored(connectorName)
      api.put(CONNECTORS, { ...connector, spec: { ...connector.spec, active: true } })
    })
    const { status, json } = await edit({ config: { flushSize: 500 } })
    expect([status, json.errorCode]).toEqual([409, 90006])
    expect(spec()).toMatchObject({ active: true, config: { flushSize: '100' } })
  })

  test('a write of the status in between disturbs nobody', async () => {
    const { api, edit, reportStatus, spec } = await withConnector()
    api.before.set('patch analyticsconnectors', reportStatus)
    expect((await edit({ config: { flushSize: 500 } })).status).toBe(200)
    expect(spec().config.flushSize).toBe(500)
  })

  test('a write of the status does not change the ETag', async () => {
    const { send, url, reportStatus } = await withConnector()
    const before = await send({ url })
    reportStatus()
    expect((await send({ url })).headers.etag).toBe(before.headers.etag)
  })

  test('a connector that was changed since it was read is not deleted', async () => {
    const { send, url, edit } = await withConnector()
    const { headers } = await send({ url })
    await edit({ config: { flushSize: 500 } })
    const match = { 'if-match': headers.etag ?? '' }
    expect((await send({ method: 'DELETE', url, headers: match })).status).toBe(409)
  })

  test('an edit between the read and the deletion of another is noticed', async () => {
    const { api, send, url, kubectl, spec } = await withConnector()
    const { headers } = await send({ url })
    api.before.set('delete analyticsconnectors', () => kubectl({ config: { flushSize: 500 } }))
    const match = { 'if-match': headers.etag ?? '' }
    const { status, json } = await send({ method: 'DELETE', url, headers: match })
    expect([status, json.errorCode]).toEqual([409, 90006])
    expect(spec().config.flushSize).toBe(500)
  })

  test.each([
    ['a write of the status in between', 'reportStatus', true],
    ['an edit in between, where none was asked to be noticed,', 'edited', false],
  ] as const)('%s does not keep a connector from being deleted', async (_what, between, withMatch) => {
    const { api, send, url, kubectl, reportStatus, stored, connectorName } = await withConnector()
    const { headers } = await send({ url })
    const edited = () => kubectl({ config: { flushSize: 500 } })
    api.before.set('delete analyticsconnectors', { reportStatus, edited }[between])
    const match = withMatch ? { 'if-match': headers.etag ?? '' } : {}
    expect((await send({ method: 'DELETE', url, headers: match })).status).toBe(200)
    expect(stored(connectorName)).toBeUndefined()
  })

  test('v2 does not delete a connector that has left its namespace meanwhile', async () => {
    const { api, send, id, kubectl, spec } = await withConnector()
    api.before.set('delete analyticsconnectors', () => kubectl({ filter: { other: ['*'] } }))
    const { status, json } = await send({ method: 'DELETE', url: `${V2}/connectors/${id}` })
    expect([status, json.errorCode]).toEqual([404, 90001])
    expect(spec().filter).toEqual({ other: ['*'] })
  })

  test.each([
    ['deleted', false],
    ['deleted and made again', true],
  ])('one that somebody else has %s in between is deleted, and what was made again stays', async (_what, again) => {
    const { api, send, url, stored, connectorName } = await withConnector()
    const connector = stored(connectorName)
    api.before.set('delete analyticsconnectors', () => {
      api.remove(CONNECTORS, { namespace: 'games', name: connectorName })
      if (again) api.put(CONNECTORS, { ...connector, metadata: { ...connector.metadata, uid: 'another' } })
    })
    expect((await send({ method: 'DELETE', url })).json).toMatchObject({ deleted: true })
    expect(stored(connectorName)?.metadata.uid).toBe(again ? 'another' : undefined)
  })
})

describe('fields of other managers', () => {
  test('a field that kubectl owns is theirs: 409 names it and them', async () => {
    const { edit, kubectl, spec } = await withConnector()
    kubectl({ config: { flushSize: 200 } })
    const { status, json } = await edit({ config: { flushSize: 500, flushInterval: '10' } })
    expect([status, json]).toEqual([
      409,
      { errorCode: 90007, errorMessage: 'config.flushSize is managed by "kubectl-client-side-apply": change it there' },
    ])
    expect(spec().config).toMatchObject({ flushSize: 200, flushInterval: '15' })
  })

  test('the same value is accepted, and the fields beside it are free', async () => {
    const { edit, kubectl, spec } = await withConnector()
    kubectl({ config: { flushSize: 200 } }, 'argocd-controller')
    expect((await edit({ config: { flushSize: '200', flushInterval: '10' } })).status).toBe(200)
    expect(spec().config).toMatchObject({ flushSize: 200, flushInterval: '10' })
  })

  test('the same value is accepted in whatever order its members come: the API server sorts them', async () => {
    const { edit, kubectl } = await withConnector()
    const assumeRole = { externalId: 'acme-42', roleArn: 'arn:aws:iam::111122223333:role/a' }
    kubectl({ config: { assumeRole }, filter: { a: ['*'], b: ['*'] } })
    const { status } = await edit({ config: { assumeRole, flushInterval: '10' }, filter: { b: ['*'], a: ['*'] } })
    expect(status).toBe(200)
  })

  test('who owns active decides who pauses', async () => {
    const { send, url, kubectl } = await withConnector()
    kubectl({ active: true }, 'flux')
    const { status, json } = await send({ method: 'PUT', url: `${url}/deactivate` })
    expect([status, json.errorMessage]).toEqual([409, 'active is managed by "flux": change it there'])
  })
})

test('50 creates at once have 50 ids', async () => {
  const { create } = anAdmin()
  const made = await Promise.all(Array.from({ length: 50 }, () => create()))
  expect(new Set(made.map(({ id }) => id)).size).toBe(50)
  expect(new Set(made.map(({ connectorName }) => connectorName)).size).toBe(50)
})

test('a connector made by kubectl is listed at once, with an id', async () => {
  const { api, send, stored } = anAdmin()
  const connectorName = 'by-hand'
  api.put(CONNECTORS, {
    apiVersion: 'analytics-connector.io/v1alpha1',
    kind: 'AnalyticsConnector',
    metadata: { namespace: 'games', name: connectorName },
    spec: {
      storageType: 'KAFKA_S3',
      config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
      filter: { acme: ['*'] },
    },
  })
  const { json } = await send({ url: `${V1}/connectors` })
  expect(json).toMatchObject([{ id: 1, connectorName, active: true }])
  expect(stored(connectorName).metadata.labels?.[ID_LABEL]).toBe('1')
  expect((await send({ url: `${V1}/connectors/1` })).json.connectorName).toBe(connectorName)
})
