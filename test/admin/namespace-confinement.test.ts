/** v2 shows and changes the connectors of one game namespace, and of no other. */
import { describe, expect, test } from 'vitest'
import { anAdmin, NEW_CONNECTOR, V1, V2 } from './fixture.ts'

const ALONE = { acme: ['*'] }

async function setUp() {
  const admin = anAdmin()
  const own = await admin.create({ filter: ALONE })
  const wider = await admin.create({ filter: { acme: ['*'], other: ['*'] } })
  const everything = await admin.create({ filter: { '*': ['*'] } })
  return { ...admin, own, wider, everything }
}

test('the list has only connectors that reach nothing else', async () => {
  const { send, own } = await setUp()
  const { json } = await send({ url: `${V2}/connectors`, token: 'acme' })
  expect(json.map(({ id }: { id: number }) => id)).toEqual([own.id])
})

describe('a connector that reaches outside is not there', () => {
  test.each([
    ['GET', ''],
    ['PUT', ''],
    ['DELETE', ''],
    ['GET', '/status'],
    ['PUT', '/activate'],
    ['PUT', '/deactivate'],
  ] as const)('%s %s', async (method, path) => {
    const { send, wider, everything, stored } = await setUp()
    for (const { id, connectorName } of [wider, everything]) {
      const body = method === 'PUT' && path === '' ? {} : undefined
      const answer = await send({ method, url: `${V2}/connectors/${id}${path}`, token: 'acme', body })
      expect([answer.status, answer.json.errorCode]).toEqual([404, 90001])
      expect(stored(connectorName)).toBeDefined()
    }
  })
})

test.each([
  ['another namespace', { other: ['*'] }, '"other"'],
  ['one more', { acme: ['*'], other: ['*'] }, '"other"'],
  ['every namespace', { '*': ['*'] }, '"*"'],
  ['the same in other letters', { ACME: ['*'] }, '"ACME"'],
])('a connector for %s cannot be made, nor one be changed into it', async (_what, filter, named) => {
  const { send, own } = await setUp()
  const requests = [
    { method: 'POST', url: `${V2}/connectors`, body: { ...NEW_CONNECTOR, filter } },
    { method: 'PUT', url: `${V2}/connectors/${own.id}`, body: { filter } },
  ] as const
  for (const request of requests) {
    const { status, json } = await send({ ...request, token: 'acme' })
    expect([status, json.errorCode]).toEqual([403, 20013])
    expect(json.errorMessage).toBe(`filter: ${named} is not allowed: must name only "acme", the namespace of the path`)
  }
})

describe('a field that may lead to what is not of the namespace', () => {
  const FIELDS = [
    ['credentialsSecretRef', { name: 'keys-of-other' }, 'also one of another game namespace'],
    ['tls', { caSecretRef: { name: 'ca-of-other' } }, 'also one of another game namespace'],
    ['assumeRole', { roleArn: 'arn:aws:iam::111122223333:role/other' }, 'also one of another game namespace'],
    ['endpoint', 'http://169.254.169.254', "any address that the connectors' network reaches"],
  ] as const
  const refusal = (name: string) =>
    `config.${name}: is not allowed below a namespace: must be set through v1 or kubectl`

  test.each(FIELDS)('%s cannot be set by POST or PUT, and nothing is written', async (name, value, why) => {
    const { send, own, stored } = await setUp()
    const body = { ...NEW_CONNECTOR, filter: ALONE, config: { ...NEW_CONNECTOR.config, [name]: value } }
    const before = [stored(own.connectorName), (await send({ url: `${V1}/connectors` })).json.length]
    for (const request of [
      { method: 'POST', url: `${V2}/connectors`, body },
      { method: 'PUT', url: `${V2}/connectors/${own.id}`, body: { config: { [name]: value } } },
    ] as const) {
      const { status, json } = await send({ ...request, token: 'acme' })
      expect([status, json.errorCode]).toEqual([400, 20002])
      expect(json.errorMessage).toContain(refusal(name))
      expect(json.errorMessage).toContain(why)
    }
    expect([stored(own.connectorName), (await send({ url: `${V1}/connectors` })).json.length]).toEqual(before)
  })

  test.each(FIELDS)('%s, set through v1, stays through an edit that repeats it', async (name, value) => {
    const { send, create } = anAdmin()
    const { id } = await create({ filter: ALONE, config: { ...NEW_CONNECTOR.config, [name]: value } })
    const url = `${V2}/connectors/${id}`
    const edit = (config: object) => send({ method: 'PUT', url, token: 'acme', body: { config } })
    const { status, json } = await edit({ [name]: value, flushSize: '7' })
    expect([status, json.config.flushSize, json.config[name]]).toEqual([200, '7', value])
    const other = JSON.parse(JSON.stringify(value).replace(/"(}*)$/, '-2"$1'))
    const refused = await edit({ [name]: other })
    expect([refused.status, refused.json.errorMessage]).toEqual([400, expect.stringContaining(refusal(name))])
  })
})

describe('a topic that is not of the namespace, whose events without one would be delivered as rejects', () => {
  const OWN = 'analytics_justice_event.dev.acme.login'

  test.each([
    'payments',
    'analytics_justice_event.dev.other.login',
    'analytics_justice_event.live.acme.login',
    'analytics_justice_event.dev.acmetoo.login',
    'analytics_game_telemetry.dev.acme.gameStarted',
    '__consumer_offsets',
  ])('%s cannot be named by POST or PUT, and nothing is written', async (topic) => {
    const { send, own, stored } = await setUp()
    const filter = { acme: [OWN, topic] }
    for (const request of [
      { method: 'POST', url: `${V2}/connectors`, body: { ...NEW_CONNECTOR, filter } },
      { method: 'PUT', url: `${V2}/connectors/${own.id}`, body: { filter } },
    ] as const) {
      const { status, json } = await send({ ...request, token: 'acme' })
      expect([status, json.errorCode]).toEqual([403, 20013])
      expect(json.errorMessage).toBe(
        `filter.acme: "${topic}" is not allowed: must be "*" or a topic of the namespace, analytics_justice_event.dev.acme.{eventName}`,
      )
    }
    expect(stored(own.connectorName).spec.filter).toEqual(ALONE)
    expect((await send({ url: `${V2}/connectors` })).json.length).toBe(1)
  })

  test('one that v1 has set stays through an edit that repeats it, beside those of the namespace', async () => {
    const { send, create, stored } = anAdmin()
    const { id, connectorName } = await create({ filter: { acme: ['shared'] } })
    const edit = (filter: object) =>
      send({ method: 'PUT', url: `${V2}/connectors/${id}`, token: 'acme', body: { filter } })
    expect((await edit({ acme: ['shared', OWN, `${OWN}.again`] })).status).toBe(200)
    expect((await edit({ acme: ['*'] })).status).toBe(200)
    expect((await edit({ acme: ['shared'] })).status).toBe(403)
    expect(stored(connectorName).spec.filter).toEqual(ALONE)
  })

  test('of an event type whose topics the install does not name, only all can be read', async () => {
    const { send } = anAdmin({ topicPatterns: {} })
    const make = (filter: object) =>
      send({ method: 'POST', url: `${V2}/connectors`, token: 'acme', body: { ...NEW_CONNECTOR, filter } })
    expect((await make({ acme: [OWN] })).json.errorCode).toBe(90010)
    expect((await make(ALONE)).status).toBe(201)
  })
})

test.each(['*', '%2a', 'acme:ANALYTICS:CONNECTOR', 'acme%2f..%2fother', 'a%20b', '.acme'])(
  'the namespace %s is none',
  async (namespace) => {
    const { send } = await setUp()
    const url = `/analytics-connector/v2/admin/namespaces/${namespace}/connectors`
    const { status, json } = await send({ url })
    expect([status, json.errorCode]).toEqual([400, 20002])
    expect(json.errorMessage).toMatch(/^namespace: .* is not allowed/)
  },
)

test("a namespace's permission opens neither v1 nor another namespace", async () => {
  const { send } = await setUp()
  expect((await send({ url: `${V1}/connectors`, token: 'acme' })).status).toBe(403)
  const other = V2.replace('/acme', '/other')
  const { status, json } = await send({ url: `${other}/connectors`, token: 'acme' })
  expect(status).toBe(403)
  expect(json.errorMessage).toBe('the token lacks the permission ADMIN:NAMESPACE:other:ANALYTICS:CONNECTOR [READ]')
})

test('the whole life of a connector under v2', async () => {
  const { send } = anAdmin()
  const as = { token: 'acme' }
  const made = await send({ ...as, method: 'POST', url: `${V2}/connectors`, body: { ...NEW_CONNECTOR, filter: ALONE } })
  expect(made.headers.location).toBe(`${V2}/connectors/1`)
  const url = `${V2}/connectors/1`
  expect((await send({ ...as, method: 'PUT', url: `${url}/activate` })).json).toEqual({ id: 1, active: true })
  expect((await send({ ...as, method: 'PUT', url, body: { config: { flushSize: 7 } } })).json.config.flushSize).toBe(
    '7',
  )
  expect((await send({ ...as, url: `${url}/status` })).json.status).toBe('STARTING')
  expect((await send({ ...as, method: 'DELETE', url })).json).toEqual({ deleted: true, id: 1 })
})
