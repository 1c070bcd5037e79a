import { rm } from 'node:fs/promises'
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import type { RecordSource } from '../../src/sink/record-source.ts'
import { connectStack } from '../stack/remote.ts'
import { eventually } from '../support/eventually.ts'
import { createLedTopics } from '../support/led-topics.ts'
import { type RecordingHandler, RecordingListener } from '../support/recording-listener.ts'
import { PASSWORD, type SecureBroker, startSecureBroker, USERS } from '../support/secure-broker.ts'
import { right, secretFolder, secureSource, TLS } from '../support/secure-clients.ts'

const { AclOperationTypes, Kafka, logLevel } = kafkajs

const GROUP = 'ours'
const USER = USERS.scram512
let broker: SecureBroker
let admin: Admin
let producer: Producer
let secrets: string
let source: RecordSource | undefined

// The broker is a process of this machine, whatever the stack is; with containers only, there may be no Java.
describe.skipIf(connectStack(inject('stack')).kind !== 'native')('a topic that may not be read', () => {
  beforeAll(async () => {
    broker = await startSecureBroker()
    const kafka = new Kafka({ brokers: [broker.plain], logLevel: logLevel.NOTHING })
    admin = kafka.admin()
    producer = kafka.producer()
    await Promise.all([admin.connect(), producer.connect()])
    secrets = await secretFolder(broker, { password: PASSWORD })
    await admin.createAcls({ acl: [right(USER, 'READ', 'GROUP', GROUP)] })
  }, 60_000)

  afterEach(() => source?.stop(AbortSignal.timeout(5_000)))

  afterAll(async () => {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()])
    await broker.stop()
    await rm(secrets, { recursive: true })
  })

  it('only described, holds up no other, and is read as soon as it may be', async () => {
    await Promise.all([topicWith('seen', 'DESCRIBE'), topicWith('beside', 'READ')])
    const listener = connect('beside', 'seen')
    await within(() => expect(listener.problems).toEqual([notAuthorized('seen')]))
    await within(() => expect(handlerOf(listener, 'beside').values).toEqual(['first of beside']))
    await handlerOf(listener, 'beside').tenure.commit(1n, '')
    expect(handlerOf(listener, 'seen').position).toBe(-1n)
    await admin.createAcls({ acl: [right(USER, 'READ', 'TOPIC', 'seen')] })
    await within(() => expect(handlerOf(listener, 'seen').values).toEqual(['first of seen']))
    await handlerOf(listener, 'seen').tenure.commit(1n, '')
    expect(listener.problems.at(-1)).toBeNull()
    expect(listener.handlers).toHaveLength(2)
  })

  it('any more, is given up by itself', async () => {
    await Promise.all([topicWith('taken', 'READ'), topicWith('left', 'READ')])
    const listener = connect('left', 'taken')
    await within(() => expect(handlerOf(listener, 'taken').values).toEqual(['first of taken']))
    const filter = { ...right(USER, 'READ', 'TOPIC', 'taken'), operation: AclOperationTypes.ANY }
    await admin.deleteAcls({ filters: [filter] })
    await within(() => expect(handlerOf(listener, 'taken').heard).toEqual(['lost']))
    await handlerOf(listener, 'left').tenure.commit(1n, '')
    await within(() => expect(listener.problems.at(-1)).toBe(notAuthorized('taken')))
    expect(listener.partitions).toEqual(['left-0'])
  })
})

const within = <T>(check: () => T) => eventually(20_000, check, 50)

const notAuthorized = (topic: string) =>
  `Kafka topic ${topic}: not authorized to read the topic (TOPIC_AUTHORIZATION_FAILED)`

async function topicWith(topic: string, operation: 'READ' | 'DESCRIBE'): Promise<void> {
  await createLedTopics(admin, [{ topic }])
  await admin.createAcls({ acl: [right(USER, operation, 'TOPIC', topic)] })
  await producer.send({ topic, messages: [{ value: `first of ${topic}` }] })
}

/** Handlers commit where they begin, as the sink's do. */
function connect(...topics: string[]): RecordingListener {
  const listener = new RecordingListener()
  listener.onAssigned = async (handler) => {
    let isAnchored = handler.tenure.committed.offset >= 0n
    handler.onRecords = async ({ nextOffset }) => {
      if (!isAnchored) await handler.tenure.commit(nextOffset, '').catch(() => {})
      isAnchored = true
    }
  }
  const security = { tls: TLS, sasl: { mechanism: 'SCRAM-SHA-512', username: USER } } as const
  source = secureSource({ servers: broker.sasl, security, secrets, groupId: GROUP, topics })
  void source.run(listener)
  return listener
}

function handlerOf(listener: RecordingListener, topic: string): RecordingHandler {
  const handler = listener.handlers.find(({ tenure }) => tenure.topic === topic)
  if (!handler) throw new Error(`${topic} is not assigned`)
  return handler
}
