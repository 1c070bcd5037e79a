import { expect, test } from 'vitest'
import { resolveSinkConfig } from '../../src/contract/resolve.ts'
import { revisionOf, type SinkConfig } from '../../src/contract/sink-config.ts'

const config = resolveSinkConfig(
  {
    namespace: 'games',
    name: 'game-events',
    spec: {
      storageType: 'KAFKA_S3',
      config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
      filter: { acme: ['a'], 'acme-eu': ['b'] },
    },
  },
  { realm: 'dev', kafka: { bootstrapServers: ['kafka:9092'] }, topicPatterns: { game_telemetry: 'x' } },
)

test('a revision is 10 hexadecimal digits, fit for the name of a ConfigMap', () => {
  expect(revisionOf(config)).toMatch(/^[0-9a-f]{10}$/)
})

test('the order of keys does not matter, at any depth', () => {
  const { bufferBytes, path, ...others } = config
  const reordered: SinkConfig = { path, bufferBytes, ...others, filter: { 'acme-eu': ['b'], acme: ['a'] } }
  expect(revisionOf(reordered)).toBe(revisionOf(config))
})

test('any other value, or another order of a list, is another revision', () => {
  const others: SinkConfig[] = [
    { ...config, flush: { ...config.flush, events: 1 } },
    { ...config, filter: { ...config.filter, acme: ['*'] } },
    { ...config, kafka: { ...config.kafka, bootstrapServers: ['a:1', 'kafka:9092'] } },
  ]
  expect(new Set([config, ...others].map(revisionOf)).size).toBe(4)
})
