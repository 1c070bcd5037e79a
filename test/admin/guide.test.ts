/** Every call of the guide, its paths and verbs as printed, its replies byte for byte. */
import { expect, test } from 'vitest'
import { CONNECTORS } from '../../src/kube/kinds.ts'
import { anAdmin, NEW_CONNECTOR, V1 } from './fixture.ts'

test('GET /tools/kafka/topics/{eventType}', async () => {
  const { send } = anAdmin()
  const { status, text } = await send({ url: `${V1}/tools/kafka/topics/game_telemetry` })
  expect([status, text]).toEqual([200, '{"acme":["analytics_game_telemetry.dev.acme.gameStarted"]}'])
})

test('POST /connectors makes a connector that does not run, and shows every value as a string', async () => {
  const { send, stored } = anAdmin()
  const { status, text, json, headers } = await send({ method: 'POST', url: `${V1}/connectors`, body: NEW_CONNECTOR })
  expect(status).toBe(201)
  expect(json.connectorName).toMatch(/^game-events-\d{6}$/)
  const { config, filter } = NEW_CONNECTOR
  const expected = {
    id: 1,
    connectorName: json.connectorName,
    connectorType: 'SINK',
    storageType: 'KAFKA_S3',
    active: false,
    config,
    filter,
    createdAt: '2026-03-01T12:00:00Z',
    updatedAt: '2026-03-01T12:00:00Z',
  }
  expect(text).toBe(JSON.stringify(expected))
  expect(headers.location).toBe(`${V1}/connectors/1`)
  expect(stored(json.connectorName).spec).toEqual({ active: false, storageType: 'KAFKA_S3', config, filter })
})

test('GET /connectors is a list of the same', async () => {
  const { send, create } = anAdmin()
  const first = await create()
  const second = await create({ connectorName: 'other' })
  const { text } = await send({ url: `${V1}/connectors` })
  expect(text).toBe(JSON.stringify([first, second]))
})

test('PUT /connectors/{id}/activate and /deactivate', async () => {
  const { send, create, stored } = anAdmin()
  const { id, connectorName } = await create()
  const activated = await send({ method: 'PUT', url: `${V1}/connectors/${id}/activate` })
  expect([activated.status, activated.text]).toEqual([200, '{"id":1,"active":true}'])
  expect(stored(connectorName).spec.active).toBe(true)
  const paused = await send({ method: 'PUT', url: `${V1}/connectors/${id}/deactivate` })
  expect([paused.status, paused.text]).toEqual([200, '{"id":1,"active":false}'])
  expect(paused.headers.warning).toMatch(/^299 .*retention/)
})

test('GET /connectors/{id}/status is the status document of the resource', async () => {
  const { send, create, stored, api } = anAdmin()
  const { id, connectorName } = await create()
  const connector = stored(connectorName)
  const document = { time: '2023-06-08T10:22:01Z', connector: connectorName, status: 'ACTIVE', error: null } as const
  api.put(CONNECTORS, {
    ...connector,
    spec: { ...connector.spec, active: true },
    status: { observedGeneration: 2, connector: document },
  })
  const { text } = await send({ url: `${V1}/connectors/${id}/status` })
  expect(text).toBe(`{"time":"2023-06-08T10:22:01Z","connector":"${connectorName}","status":"ACTIVE","error":null}`)
})

test('DELETE /connectors/{id}', async () => {
  const { send, create } = anAdmin()
  const { id } = await create()
  const { status, text } = await send({ method: 'DELETE', url: `${V1}/connectors/${id}` })
  expect([status, text]).toEqual([200, '{"deleted":true,"id":1}'])
  const gone = await send({ url: `${V1}/connectors/${id}` })
  expect([gone.status, gone.text]).toEqual([404, '{"errorCode":90001,"errorMessage":"there is no connector 1"}'])
})

test('GET /tools/s3/policies/{bucketName}', async () => {
  const { send } = anAdmin()
  const { text } = await send({ url: `${V1}/tools/s3/policies/acme-events` })
  expect(JSON.parse(text)).toEqual({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AccelByteAnalyticsConnector',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::123456789012:role/connector' },
        Action: ['s3:ListBucket', 's3:GetBucketLocation', 's3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        Resource: ['arn:aws:s3:::acme-events', 'arn:aws:s3:::acme-events/*'],
      },
    ],
  })
})

test('POST /tools/s3/path/example renders as the sink does', async () => {
  const { send } = anAdmin()
  const body = {
    customPath: '{eventType}/{namespace}/{yyyy}-{MM}-{dd}/{hh}{mm}/{topic}.json',
    customPartitionDuration: '900000',
    eventType: 'justice-event',
    namespace: 'acme',
    eventName: 'login',
    time: '2023-06-08T10:22:01Z',
  }
  const { text } = await send({ method: 'POST', url: `${V1}/tools/s3/path/example`, body })
  expect(text).toBe(
    '{"path":"justice-event/acme/2023-06-08/1015/analytics_justice_event.dev.acme.login-00000-00000000000000000000.json"}',
  )
})

test('an error is a code and a message', async () => {
  const { send } = anAdmin()
  const body = { ...NEW_CONNECTOR, config: { ...NEW_CONNECTOR.config, flushSize: '0' } }
  const { status, text } = await send({ method: 'POST', url: `${V1}/connectors`, body })
  expect([status, text]).toEqual([
    400,
    JSON.stringify({
      errorCode: 20002,
      errorMessage: 'config.flushSize: "0" is not allowed: must be a whole number of events from 1 to 10000000',
    }),
  ])
})
