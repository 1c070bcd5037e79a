import type { KafkaConfig } from 'kafkajs'
import { expect, test, vi } from 'vitest'
import { kafkaTopics } from '../../src/admin/kafka-topics.ts'
import { FakeClock } from '../support/fake-clock.ts'

const connections = vi.hoisted((): KafkaConfig[] => [])

vi.mock('kafkajs', () => ({
  logLevel: { NOTHING: 0 },
  Kafka: class {
    constructor(config: KafkaConfig) {
      connections.push(config)
    }
    admin() {
      return { connect: async () => {}, disconnect: async () => {}, listTopics: async () => ['a'] }
    }
  },
}))

test('answers are kept for some seconds, and each connection shows the password that is in the file by then', async () => {
  const clock = new FakeClock()
  let password = 'old'
  const topics = kafkaTopics(
    () => ({ bootstrapServers: ['k:9092'], sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password } }),
    clock,
  )
  expect(await topics()).toEqual(['a'])
  expect(await topics()).toEqual(['a'])
  password = 'renewed'
  await clock.advance(60_000)
  await topics()
  expect(connections.map(({ sasl }) => sasl)).toMatchObject([
    { mechanism: 'scram-sha-512', password: 'old' },
    { password: 'renewed' },
  ])
})

test('a file that cannot be read at the moment is an answer that says to try again, not the server’s end', async () => {
  const topics = kafkaTopics(() => {
    throw new Error('ENOENT')
  }, new FakeClock())
  await expect(topics()).rejects.toMatchObject({ status: 503, cause: { message: 'ENOENT' } })
})
