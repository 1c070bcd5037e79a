import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { checkKafkaAccess } from '../../src/sink/kafka/access-check.ts'
import { connectionSecurity } from '../../src/sink/kafka/connection-security.ts'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { SecretFiles } from '../../src/sink/secret-files.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { createLedTopics } from '../support/led-topics.ts'
import { RecordingListener } from '../support/recording-listener.ts'
import { PASSWORD, SESSION_MS, type SecureBroker, startSecureBroker, USERS } from '../support/secure-broker.ts'
import { right, type Security, secretFolder, secureSource, TLS } from '../support/secure-clients.ts'
import { TokenEndpoint } from '../support/token-endpoint.ts'

const { Kafka, logLevel, ResourcePatternTypes } = kafkajs

const CLIENT = { id: 'oauth-client', secret: 'oauth-secret' }
const TOPIC = 'secure'
const sources: RecordSource[] = []
const folders: string[] = []

let broker: SecureBroker
let tokens: TokenEndpoint
let admin: Admin
let producer: Producer

// The broker is a process of this machine, whatever the stack is; with containers only, there may be no Java.
describe.skipIf(connectStack(inject('stack')).kind !== 'native')('a broker that asks who we are', () => {
  beforeAll(async () => {
    broker = await startSecureBroker()
    tokens = await TokenEndpoint.start(broker.certificates, CLIENT)
    const kafka = new Kafka({ brokers: [broker.plain], logLevel: logLevel.NOTHING })
    admin = kafka.admin()
    producer = kafka.producer()
    await Promise.all([admin.connect(), producer.connect()])
    await createLedTopics(admin, [{ topic: TOPIC }])
    await producer.send({ topic: TOPIC, messages: [{ value: 'hello' }] })
    for (const user of [...Object.values(USERS), CLIENT.id, 'CN=client']) await allow(user)
  }, 60_000)

  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.stop(AbortSignal.timeout(5_000))))
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
  })

  afterAll(async () => {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()])
    tokens.close()
    await broker.stop()
  })

  afterEach(() => {
    tokens.client = CLIENT
    tokens.expiresInSeconds = 60
  })

  it.each([
    ['PLAIN', USERS.plain],
    ['SCRAM-SHA-256', USERS.scram256],
    ['SCRAM-SHA-512', USERS.scram512],
  ] as const)('lets us in by %s over TLS', async (mechanism, username) => {
    const secrets = await secretFiles({ username, password: `${PASSWORD}\n` })
    const { listener } = connect(broker.sasl, { tls: TLS, sasl: { mechanism } }, secrets)
    await canReadAndCommit(listener)
  })

  it('lets us in by a token of the client credentials grant, asked for once', async () => {
    const secrets = await secretFiles({ 'client-id': CLIENT.id, 'client-secret': CLIENT.secret })
    const sasl = { mechanism: 'OAUTHBEARER', tokenEndpoint: tokens.url, scope: 'kafka read' } as const
    const { listener } = connect(broker.sasl, { tls: TLS, sasl }, secrets)
    await canReadAndCommit(listener)
    expect(tokens.requests).toEqual(['grant_type=client_credentials&scope=kafka+read'])
  })

  it('lets us in by a client certificate, and is trusted by another name', async () => {
    const secrets = await secretFiles({})
    for (const [from, to] of [
      ['client.crt', 'tls.crt'],
      ['client.key', 'tls.key'],
    ] as const)
      await copyFile(join(broker.certificates, from), join(secrets, to))
    const tls = { ...TLS, certificate: 'mounted', serverName: 'kafka.example' } as const
    const { listener } = connect(broker.mutualTls, { tls }, secrets)
    await canReadAndCommit(listener)
  })

  it('gets the credentials again before a session ends, without a rebalance', async () => {
    const secrets = await secretFiles({ username: USERS.scram512, password: PASSWORD })
    const { listener } = connect(broker.sasl, { tls: TLS, sasl: { mechanism: 'SCRAM-SHA-512' } }, secrets)
    await canReadAndCommit(listener)
    await delay(SESSION_MS * 2)
    await goesOnWith(listener, 'later')
    expect(listener.problems).toEqual([])
  })

  it('has another token before the one it has ends, by a client secret that was changed meanwhile, without a rebalance', async () => {
    tokens.expiresInSeconds = 2
    const { listener, secrets } = await connectByToken()
    await canReadAndCommit(listener)
    const [asked, changed] = [tokens.requests.length, { ...CLIENT, secret: 'changed' }]
    tokens.client = changed
    await writeFile(join(secrets, 'client-secret'), changed.secret)
    await delay(SESSION_MS * 2)
    await goesOnWith(listener, 'by the changed secret')
    expect(tokens.requests.length).toBeGreaterThan(asked)
    expect(listener.problems).toEqual([])
  })

  it('keeps its place in the group while nobody gives tokens for a while, and reads on as soon as somebody does', async () => {
    tokens.expiresInSeconds = 2
    const { listener } = await connectByToken()
    await canReadAndCommit(listener)
    tokens.client = null
    await within(() => expect(listener.problems.at(-1)).toMatch(/the token endpoint https:\S+ answers 503/))
    tokens.client = CLIENT
    await goesOnWith(listener, 'after the outage')
    await within(() => expect(listener.problems.at(-1)).toBeNull())
  })

  it('is told a new password without a restart', async () => {
    const secrets = await secretFiles({ username: USERS.scram256, password: 'wrong' })
    const { listener } = connect(broker.sasl, { tls: TLS, sasl: { mechanism: 'SCRAM-SHA-256' } }, secrets)
    await within(() => expect(listener.problems.at(-1)).toMatch(/does not let us in by spec.kafka.sasl/))
    expect(JSON.stringify(listener.problems)).not.toContain('wrong')
    await writeFile(join(secrets, 'password'), PASSWORD)
    await canReadAndCommit(listener)
    await within(() => expect(listener.problems.at(-1)).toBeNull())
  })

  describe('says what a person can act on:', () => {
    const scram = { mechanism: 'SCRAM-SHA-512', username: USERS.scram512 } as const
    const password = { password: PASSWORD }

    it.each<[string, () => [string, Security, Record<string, string>?], RegExp]>([
      [
        'a wrong password',
        () => [broker.sasl, { tls: TLS, sasl: { mechanism: 'PLAIN', username: USERS.plain } }, { password: 'no' }],
        /^Kafka: 127.0.0.1:\d+ does not let us in by spec.kafka.sasl \(.*Invalid username or password\)$/,
      ],
      [
        'a Secret that is not there',
        () => [broker.sasl, { tls: TLS, sasl: scram }],
        /spec.kafka.sasl \(the Secret of spec.kafka.sasl.secretRef is missing or has no key for password/,
      ],
      [
        'a wrong client secret',
        () => [
          broker.sasl,
          { tls: TLS, sasl: { mechanism: 'OAUTHBEARER', tokenEndpoint: tokens.url } },
          { 'client-id': CLIENT.id, 'client-secret': 'no' },
        ],
        /the token endpoint https:\S+ answers 401 invalid_client/,
      ],
      [
        'a certificate of an unknown authority',
        () => [broker.sasl, { tls: { ...TLS, authorities: 'system' }, sasl: scram }, password],
        /cannot reach 127.0.0.1:\d+ \(\w+: its certificate is not signed by an authority that spec.kafka.tls trusts: see caSecretRef/,
      ],
      [
        'a certificate for another name',
        () => [broker.sasl, { tls: { ...TLS, serverName: 'other.example' }, sasl: scram }, password],
        /ERR_TLS_CERT_ALTNAME_INVALID: its certificate is for another name: see spec.kafka.tls.serverName/,
      ],
      ['no client certificate', () => [broker.mutualTls, { tls: TLS }], /it wants a client certificate that it trusts/],
      ['TLS where there is none', () => [broker.plain, { tls: TLS }], /TLS.*see spec.kafka.tls/],
      ['no TLS where it is needed', () => [broker.mutualTls, {}], /it may expect TLS: see spec.kafka.tls/],
      ['no authentication', () => [broker.sasl, { tls: TLS }], /it may expect authentication: see spec.kafka.sasl/],
    ])('%s', async (_what, make, words) => {
      const [servers, security, files = {}] = make()
      const { listener } = connect(servers, security, await secretFiles(files))
      await within(() => expect(listener.problems.at(-1)).toMatch(words))
    })

    it('what is not allowed: the group, the topic', async () => {
      const secrets = await secretFiles(password)
      const security = { tls: TLS, sasl: scram }
      const forbidden = connect(broker.sasl, security, secrets, { groupId: 'not-allowed' })
      await within(() =>
        expect(forbidden.listener.problems.at(-1)).toMatch(
          /^Kafka group not-allowed: .*not authorized to use the consumer group.*\(GROUP_AUTHORIZATION_FAILED\)$/,
        ),
      )
      await admin.createTopics({ topics: [{ topic: 'private' }] })
      const hidden = connect(broker.sasl, security, secrets, { topic: 'private' })
      await within(() => expect(hidden.listener.problems.at(-1)).toMatch(/^Kafka topic private: not authorized/))
    })

    it('before the group is joined what is not allowed, or lets us pass', async () => {
      await admin.createTopics({ topics: [{ topic: 'seen-only' }, { topic: 'hidden' }] })
      await admin.createAcls({ acl: [right(USERS.scram512, 'DESCRIBE', 'TOPIC', 'seen-only')] })
      const secrets = await secretFiles(password)
      const ours = (...topics: string[]) => checkAccess({ tls: TLS, sasl: scram }, secrets, 'ours.checked', topics)
      await ours(TOPIC)
      await ours(TOPIC, 'hidden', 'seen-only', 'missing')
      await expect(ours('hidden')).rejects.toThrow(/^Kafka topic hidden: not authorized to read the topic/)
      await expect(ours('seen-only', 'missing')).rejects.toThrow(
        /^Kafka topic seen-only: not authorized to read the topic \(TOPIC_AUTHORIZATION_FAILED\) \(and 1 more\)$/,
      )
      await expect(checkAccess({ tls: TLS, sasl: scram }, secrets, 'not-allowed', [TOPIC])).rejects.toThrow(
        /^Kafka group not-allowed: cannot be used: not authorized to use the consumer group \(GROUP_AUTHORIZATION_FAILED\)$/,
      )
      const { groups } = await admin.listGroups()
      expect(groups.map(({ groupId }) => groupId)).not.toContain('ours.checked')
    })
  })
})

const within = <T>(check: () => T | Promise<T>) => eventually(20_000, check, 50)

async function allow(user: string): Promise<void> {
  const groups = { ...right(user, 'READ', 'GROUP', 'ours.'), resourcePatternType: ResourcePatternTypes.PREFIXED }
  await admin.createAcls({ acl: [right(user, 'READ', 'TOPIC', TOPIC), groups] })
}

function checkAccess(security: Security, secrets: string, groupId: string, topics: string[]): Promise<void> {
  return checkKafkaAccess({
    bootstrapServers: [broker.sasl],
    groupId,
    topics: { filter: { x: topics }, topicPattern: 'x', realm: 'x' },
    security: connectionSecurity(security, new SecretFiles(secrets), systemClock),
    clientId: 'security-test',
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 10_000,
    logger: createLogger('silent'),
  })
}

async function secretFiles(files: Record<string, string>): Promise<string> {
  const folder = await secretFolder(broker, files)
  folders.push(folder)
  return folder
}

let groups = 0
function connect(
  servers: string,
  security: Security,
  secrets: string,
  { groupId = `ours.${++groups}`, topic = TOPIC } = {},
) {
  const listener = new RecordingListener()
  const source = secureSource({ servers, security, secrets, groupId, topics: [topic] })
  sources.push(source)
  void source.run(listener)
  return { listener }
}

async function connectByToken() {
  const secrets = await secretFiles({ 'client-id': CLIENT.id, 'client-secret': CLIENT.secret })
  const sasl = { mechanism: 'OAUTHBEARER', tokenEndpoint: tokens.url } as const
  return { secrets, ...connect(broker.sasl, { tls: TLS, sasl }, secrets) }
}

/** In the tenure that it had: no rebalance has taken the partition away. */
async function goesOnWith(listener: RecordingListener, value: string): Promise<void> {
  await producer.send({ topic: TOPIC, messages: [{ value }] })
  await within(() => expect(listener.handlers[0]?.values).toContain(value))
  await listener.handlers[0]?.tenure.commit(0n, value)
  expect(listener.handlers).toHaveLength(1)
}

async function canReadAndCommit(listener: RecordingListener): Promise<void> {
  await within(() => expect(listener.held[0]?.values).toContain('hello'))
  await listener.held[0]?.tenure.commit(0n, 'committed')
}
