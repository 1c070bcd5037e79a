/** Every way to be refused, each with its own answer. */
import { describe, expect, test } from 'vitest'
import { ApiError } from '../../src/admin/api-error.ts'
import { KubeApiError } from '../../src/kube/errors.ts'
import { anAdmin, NEW_CONNECTOR, V1, V2 } from './fixture.ts'

const POST = { method: 'POST', url: `${V1}/connectors` } as const

describe('a request that cannot be served', () => {
  test.each([
    ['no token', { url: `${V1}/connectors`, token: '' }, 401, 20001, 'the token is not valid'],
    ['an unknown token', { url: `${V1}/connectors`, token: 'x' }, 401, 20001, 'the token is not valid'],
    [
      'a permission that is missing',
      { ...POST, token: 'read', body: NEW_CONNECTOR },
      403,
      20013,
      'the token lacks the permission ADMIN:ANALYTICS:CONNECTOR [CREATE]',
    ],
    ['an unknown path', { url: '/analytics-connector/v1/admin/nothing' }, 404, 90002, 'there is no such path'],
    ['v2 has no Kafka tool', { url: `${V2}/tools/kafka/topics/game_telemetry` }, 404, 90002, 'there is no such path'],
    ['a method', { method: 'PATCH', url: `${V1}/connectors/1` }, 405, 90003, 'must be GET, HEAD, PUT, DELETE'],
    ['an unknown id', { url: `${V1}/connectors/7` }, 404, 90001, 'there is no connector 7'],
    [
      'an id that is a word',
      { url: `${V1}/connectors/seven` },
      400,
      20002,
      'id: "seven" is not allowed: must be a whole number from 1',
    ],
    ['an id of zero', { url: `${V1}/connectors/0/status` }, 400, 20002, 'id: "0" is not allowed'],
    [
      'an id with a fraction',
      { method: 'DELETE', url: `${V1}/connectors/1.5` },
      400,
      20002,
      'id: "1.5" is not allowed',
    ],
    [
      'a path as an id',
      { url: `${V1}/connectors/..%2f..%2fsecrets` },
      400,
      20002,
      'id: "../../secrets" is not allowed',
    ],
    ['a path as a topic', { url: `${V1}/tools/kafka/topics/..%2f..` }, 400, 20002, 'eventType: "../.." is not allowed'],
    [
      'a path as a bucket',
      { url: `${V1}/tools/s3/policies/..%2fother` },
      400,
      20002,
      'bucketName: "../other" is not allowed',
    ],
    ['a broken URL', { url: `${V1}/connectors/%zz` }, 400, 90009, 'the URL is malformed'],
    ['an endless id', { url: `${V1}/connectors/${'1'.repeat(2_000)}` }, 400, 90009, 'a part of its path is too long'],
    [
      'an unknown query',
      { url: `${V1}/connectors?sort=id` },
      400,
      20002,
      'sort: is not a field: must be one of storageType, connectorState, connectorName',
    ],
    ['a query where there is none', { url: `${V1}/connectors/1?sort=id` }, 400, 20002, 'sort: is not a field: none is'],
    [
      'a time that is only a day',
      { method: 'POST', url: `${V1}/tools/s3/path/example`, body: { customPath: '{topic}', time: '2026-11-30' } },
      400,
      20002,
      'time: "2026-11-30" is not allowed: must be a time such as 2026-11-30T10:00:00Z',
    ],
    [
      'a state that is none',
      { url: `${V1}/connectors?connectorState=ON` },
      400,
      20002,
      'connectorState: "ON" is not allowed: must be "ACTIVE" or',
    ],
    ['no body', POST, 400, 20002, 'the body: is required: must be an object'],
    ['a body that is no JSON', { ...POST, body: '{"a":' }, 400, 20019, 'the body is not JSON'],
    ['a body that is a list', { ...POST, body: '[]' }, 400, 20002, 'the body: [] is not allowed: must be an object'],
    [
      'a body where there is none',
      { method: 'PUT', url: `${V1}/connectors/1/activate`, body: { active: true } },
      400,
      20002,
      'the body: must be empty',
    ],
    [
      'another content type',
      { ...POST, body: 'a=b', headers: { 'content-type': 'text/plain' } },
      415,
      90005,
      'must be application/json',
    ],
    [
      'more than 1 MiB',
      { ...POST, body: `{"connectorName":"${'x'.repeat(1_048_576)}"}` },
      413,
      90004,
      'must have at most 1048576 bytes',
    ],
    ['depth', { ...POST, body: '['.repeat(100_000) }, 400, 20019, 'must have at most 32 levels'],
    [
      'a prototype',
      { ...POST, body: '{"filter":{"__proto__":{"polluted":true}}}' },
      400,
      20002,
      '__proto__: is not a field',
    ],
    [
      'a name that stands twice, of which JSON.parse keeps the last',
      { ...POST, body: '{"filter":{"acme":["a"],"\\u0061cme" :["b"]}}' },
      400,
      20002,
      '"\\u0061cme" stands twice in one object: must stand there once',
    ],
    [
      'an unknown field',
      { ...POST, body: { ...NEW_CONNECTOR, active: true } },
      400,
      20002,
      'active: is not a field: must be one of connectorName, connectorType, storageType, config, filter',
    ],
    [
      'a name that is none of an object',
      { ...POST, body: { ...NEW_CONNECTOR, connectorName: 'Game Events' } },
      400,
      20002,
      'connectorName: "Game Events" is not allowed: must be 1 to 43 lower-case letters',
    ],
    [
      'an If-Match that is none',
      { method: 'PUT', url: `${V1}/connectors/1/activate`, headers: { 'if-match': '3' } },
      400,
      20002,
      'If-Match: must be the ETag of a reply',
    ],
  ] as const)('%s', async (_what, request, status, errorCode, message) => {
    const { send } = anAdmin()
    const answer = await send(request)
    expect(answer.json).toEqual({ errorCode, errorMessage: expect.stringContaining(message) })
    expect(answer.status).toBe(status)
    expect(answer.headers['x-request-id']).toBeTruthy()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('every wrong field is named at once', async () => {
    const { send } = anAdmin()
    const config = { ...NEW_CONNECTOR.config, partSize: '1', color: 'red' }
    const { json } = await send({ ...POST, body: { ...NEW_CONNECTOR, config, filter: {} } })
    expect(json.errorMessage).toContain('config.partSize: "1" is not allowed: must be from 5242880 to 134217728 bytes')
    expect(json.errorMessage).toContain('config.color: is not a field: must be one of eventType, bucketName')
    expect(json.errorMessage).toContain('filter: must have at least one event namespace')
  })

  test('of thousands of wrong fields the first are named, and how many more there are', async () => {
    const { send } = anAdmin()
    const config = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x${i}`, 1]))
    const { status, json } = await send({ ...POST, body: { ...NEW_CONNECTOR, config } })
    expect([status, json.errorCode]).toEqual([400, 20002])
    expect(json.errorMessage).toMatch(/config\.x1: is not a field: .*; and \d{4} more$/)
    expect(json.errorMessage.length).toBeLessThan(50_000)
  })

  test('a caller without a permission cannot make the server read a body', async () => {
    const { send } = anAdmin()
    expect((await send({ ...POST, token: 'read', body: '{' })).status).toBe(403)
  })
})

describe('when something behind the API fails', () => {
  test.each([
    ['Kubernetes is away', new KubeApiError(0, 'Unreachable', 'no answer'), 503, 90011, 'Kubernetes does not answer'],
    [
      'Kubernetes is busy',
      new KubeApiError(429, 'TooManyRequests', 'later', { retryAfterMs: 3_000 }),
      503,
      90011,
      'Kubernetes',
    ],
    [
      'Kubernetes has only just started',
      new KubeApiError(403, 'Forbidden', 'connectors "x" is forbidden: not yet ready to handle request'),
      503,
      90011,
      'Kubernetes does not answer',
    ],
    [
      'a right is missing',
      new KubeApiError(403, 'Forbidden', 'acs is forbidden: User "secret details" cannot list resource "acs"'),
      500,
      20000,
      'the server failed; its log says why',
    ],
    ['something else', new TypeError('secret details'), 500, 20000, 'the server failed; its log says why'],
  ])('%s', async (_what, failure, status, errorCode, message) => {
    const { api, send } = anAdmin()
    api.failures.set('list analyticsconnectors', failure)
    const answer = await send({ url: `${V1}/connectors` })
    expect([answer.status, answer.json.errorCode]).toEqual([status, errorCode])
    expect(answer.json.errorMessage).toContain(message)
    expect(answer.text).not.toContain('secret details')
  })

  test.each([
    ['a policy', new KubeApiError(422, 'Invalid', 'denied by policy: buckets of acme only'), 'buckets of acme only'],
    ['a webhook', new KubeApiError(403, 'Forbidden', 'admission webhook "w" denied the request: no'), 'denied the req'],
    [
      'a webhook, with a status of its own for that,',
      new KubeApiError(500, 'InternalError', 'admission webhook "w" denied the request: no owner'),
      'admission webhook "w" denied the request: no owner',
    ],
  ])('%s of the cluster that refuses a connector is told to the caller', async (_what, refusal, message) => {
    const { api, send } = anAdmin()
    api.failures.set('create analyticsconnectors', refusal)
    const { status, json } = await send({ ...POST, body: NEW_CONNECTOR })
    expect([status, json.errorCode]).toEqual([400, 20002])
    expect(json.errorMessage).toContain(message)
  })

  test('a quota of the cluster is named, and what it counts', async () => {
    const { api, send } = anAdmin()
    const quota = 'exceeded quota: few, requested: count/acs=1, used: count/acs=5, limited: count/acs=5'
    api.failures.set(
      'create analyticsconnectors',
      new KubeApiError(403, 'Forbidden', `POST /x: "x" is forbidden: ${quota}`),
    )
    const { status, json } = await send({ ...POST, body: NEW_CONNECTOR })
    expect([status, json]).toEqual([403, { errorCode: 90012, errorMessage: `the cluster refuses it: ${quota}` }])
  })

  test('a webhook of the cluster that does not answer is named, and nothing else of it', async () => {
    const { api, send } = anAdmin()
    const words = 'failed calling webhook "quota.example.com": Post "https://quota.internal": context deadline exceeded'
    api.failures.set('create analyticsconnectors', new KubeApiError(500, 'InternalError', words))
    const { status, json } = await send({ ...POST, body: NEW_CONNECTOR })
    const errorMessage = 'the cluster\'s admission webhook "quota.example.com" does not answer; try again'
    expect([status, json]).toEqual([503, { errorCode: 90011, errorMessage }])
  })

  test('where connectors are to be made is no namespace: no connector is said to be missing', async () => {
    const { api, send } = anAdmin()
    api.failures.set('create analyticsconnectors', new KubeApiError(404, 'NotFound', 'namespaces "games" not found'))
    const { status, json } = await send({ ...POST, body: NEW_CONNECTOR })
    expect([status, json.errorCode]).toEqual([500, 20000])
  })

  test('a connector that is deleted between read and write is not there', async () => {
    const { api, create, send } = anAdmin()
    const { id } = await create()
    api.failures.set('patch analyticsconnectors', new KubeApiError(404, 'NotFound', 'not found'))
    const { status, json } = await send({ method: 'PUT', url: `${V1}/connectors/${id}/activate` })
    expect([status, json]).toEqual([404, { errorCode: 90001, errorMessage: `there is no connector ${id}` }])
  })

  test('Kafka is away', async () => {
    const listTopics = () => Promise.reject(new ApiError('unavailable', 'Kafka does not answer; try again'))
    const { send } = anAdmin({}, { listTopics })
    const { status, json } = await send({ url: `${V1}/tools/kafka/topics/justice-event` })
    expect([status, json]).toEqual([503, { errorCode: 90011, errorMessage: 'Kafka does not answer; try again' }])
  })

  test('what the install has not configured', async () => {
    const { send } = anAdmin({ roleArn: undefined, topicPatterns: {} })
    expect((await send({ url: `${V1}/tools/s3/policies/acme-events` })).json.errorMessage).toContain('roleArn')
    expect((await send({ url: `${V1}/tools/kafka/topics/game_telemetry` })).status).toBe(501)
  })
})
