/** The OpenAPI document against the running server: every operation answers as the document says it does. */
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { anAdmin, NEW_CONNECTOR, V1 } from './fixture.ts'

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { name: string; in: string; required: boolean }[]
  readonly requestBody?: { content: Record<string, { schema: object; example: object }> }
  readonly responses: Record<string, { content: Record<string, { schema: object }>; headers?: object }>
}
interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
}

const BASE = '/analytics-connector/apidocs'

async function documentOf({ send }: Pick<ReturnType<typeof anAdmin>, 'send'>): Promise<Document> {
  const { status, json } = await send({ url: `${BASE}/api.json`, token: '' })
  expect(status).toBe(200)
  return json
}

const operations = Object.entries((await documentOf(anAdmin())).paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation, name: operation.operationId })),
)

const VALUES: Readonly<Record<string, string>> = {
  id: '1',
  namespace: 'acme',
  eventType: 'game_telemetry',
  bucketName: 'acme-events',
}

function matches(schema: object, value: unknown): boolean {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success
}

test('it is OpenAPI 3.1, has every endpoint of the guide in both versions, and the Kafka tool in the first only', () => {
  const listed = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  const endpoints = [
    'GET /connectors',
    'POST /connectors',
    'GET /connectors/{id}',
    'PUT /connectors/{id}',
    'PUT /connectors/{id}/activate',
    'PUT /connectors/{id}/deactivate',
    'GET /connectors/{id}/status',
    'DELETE /connectors/{id}',
    'GET /tools/s3/policies/{bucketName}',
    'POST /tools/s3/path/example',
  ]
  const under = (base: string) => endpoints.map((each) => each.replace(' ', ` ${base}`))
  expect(listed.sort()).toEqual(
    [
      ...under(V1),
      ...under('/analytics-connector/v2/admin/namespaces/{namespace}'),
      `GET ${V1}/tools/kafka/topics/{eventType}`,
    ].sort(),
  )
})

test('operation ids are unique', () => {
  const ids = operations.map(({ name }) => name)
  expect(new Set(ids).size).toBe(ids.length)
})

describe.each(operations)('$name', ({ path, method, operation }) => {
  const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => VALUES[name] ?? '')
  const body = operation.requestBody?.content['application/json']?.example
  const verb = method.toUpperCase() as 'GET'

  test('the example is answered with the documented status, body and headers', async () => {
    const { send, create } = anAdmin()
    await create({ filter: { acme: ['*'] } })
    const answer = await send({ method: verb, url, body })
    const documented = operation.responses[answer.status]
    expect(documented, `${answer.status} ${answer.text}`).toBeDefined()
    expect(answer.status).toBeLessThan(300)
    expect(matches(documented?.content['application/json']?.schema ?? {}, answer.json)).toBe(true)
    for (const header of Object.keys(documented?.headers ?? {}))
      expect(answer.headers).toHaveProperty(header.toLowerCase())
    if (operation.requestBody)
      expect(matches(operation.requestBody?.content['application/json']?.schema ?? {}, body)).toBe(true)
  })

  test('every parameter of the path is documented', () => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const documented = operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name)
    expect(documented.sort()).toEqual(inPath.sort())
  })

  test('refusals are documented', async () => {
    const { send } = anAdmin()
    const answers = [
      await send({ method: verb, url, body, token: '' }),
      await send({ method: verb, url: `${url}?unknown=1`, body }),
      await send({ method: verb, url, body: '{' }),
    ]
    for (const { status } of answers) expect(Object.keys(operation.responses)).toContain(String(status))
  })
})

test('a body that the server refuses is also refused by the document', () => {
  const post = operations.find(({ name }) => name === 'createConnector')?.operation
  const schema = post?.requestBody?.content['application/json']?.schema ?? {}
  expect(matches(schema, { ...NEW_CONNECTOR, unknown: 1 })).toBe(false)
  expect(matches(schema, { ...NEW_CONNECTOR, connectorType: 'SOURCE' })).toBe(false)
})

describe('the page', () => {
  test('is there without a token and loads nothing from elsewhere', async () => {
    const { send } = anAdmin()
    const page = await send({ url: `${BASE}/`, token: '' })
    expect(page.status).toBe(200)
    expect(page.headers['content-security-policy']).toMatch(/default-src 'none'.*connect-src 'self'/)
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset = '']) => asset)
    expect(assets.length).toBeGreaterThan(3)
    for (const asset of assets) {
      expect(asset).not.toMatch(/^(https?:)?\/\//)
      expect((await send({ url: `${BASE}/${asset}`, token: '' })).status).toBe(200)
    }
  })

  test('its address without the slash leads there', async () => {
    const { send } = anAdmin()
    expect((await send({ url: BASE, token: '' })).headers.location).toBe(`${BASE}/`)
  })
})
