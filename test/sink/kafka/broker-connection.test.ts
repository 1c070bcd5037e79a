import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/lib/logger.ts'
import { BrokerConnection, formatAddress, parseAddress } from '../../../src/sink/kafka/broker-connection.ts'
import { KafkaConnectionError } from '../../../src/sink/kafka/kafka-error.ts'
import { findCoordinatorCall, heartbeatCall } from '../../../src/sink/kafka/protocol.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'

describe('parseAddress', () => {
  it.each([
    ['kafka:9092', { host: 'kafka', port: 9092 }],
    [' b-1.msk.example.com:9098 ', { host: 'b-1.msk.example.com', port: 9098 }],
    ['[::1]:9092', { host: '::1', port: 9092 }],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
    expect(formatAddress(address)).toBe(text.trim())
  })

  it.each(['kafka', 'kafka:', ':9092', 'http://kafka:9092', '::1:9092'])('refuses %s', (text) => {
    expect(() => parseAddress(text)).toThrow(`bootstrap server "${text}" is not host:port`)
  })
})

describe('BrokerConnection', () => {
  const settings = { clientId: 'test', connectTimeoutMs: 500, requestTimeoutMs: 200, logger: createLogger('silent') }
  const heartbeat = heartbeatCall('group', { memberId: 'm', generationId: 1 })
  let kafka: FakeKafka

  beforeEach(async () => {
    kafka = await FakeKafka.start({})
  })

  afterEach(() => kafka.stop())

  const open = () => BrokerConnection.open({ host: '127.0.0.1', port: kafka.port }, settings)

  it('answers with what the broker says, error codes included', async () => {
    const connection = await open()
    kafka.next('Heartbeat', 27)
    expect(await connection.send(heartbeat)).toMatchObject({ errorCode: 27 })
    expect(await connection.send(findCoordinatorCall('group'))).toMatchObject({ coordinator: { port: kafka.port } })
    connection.close()
  })

  it.each(['cut', 'silence'] as const)(
    'is closed for good by an answer that does not come (%s), and sends nothing twice',
    async (fate) => {
      const connection = await open()
      kafka.next('Heartbeat', fate)
      await expect(connection.send(heartbeat)).rejects.toThrow(KafkaConnectionError)
      expect(connection.closed).toBe(true)
      expect(kafka.sent('Heartbeat')).toHaveLength(1)
    },
  )

  it('fails requests under way when it is closed', async () => {
    const connection = await open()
    kafka.next('Heartbeat', 'silence')
    const sent = connection.send(heartbeat)
    connection.close()
    await expect(sent).rejects.toThrow(`no answer to Heartbeat from 127.0.0.1:${kafka.port}`)
  })

  it('hears the same answers where they are lent', async () => {
    const connection = await BrokerConnection.open(
      { host: '127.0.0.1', port: kafka.port },
      { ...settings, lendsAnswers: true },
    )
    kafka.next('Heartbeat', 27)
    expect(await connection.send(heartbeat)).toMatchObject({ errorCode: 27 })
    kafka.next('Heartbeat', 'cut')
    await expect(connection.send(heartbeat)).rejects.toThrow(KafkaConnectionError)
    expect(connection.closed).toBe(true)
  })

  it('names the address that nobody listens at', async () => {
    await expect(BrokerConnection.open({ host: '127.0.0.1', port: 1 }, settings)).rejects.toThrow(
      'cannot reach 127.0.0.1:1 (ECONNREFUSED)',
    )
  })

  it('does not wait for ever for a listener that is not Kafka', async () => {
    kafka.next('ApiVersions', 'silence')
    await expect(open()).rejects.toThrow(
      new RegExp(`^cannot reach 127.0.0.1:${kafka.port} \\(.*does not answer as a Kafka broker does\\)$`),
    )
  })
})
