import { describe, expect, test } from 'vitest'
import { type OperatorDefaults, resolveSinkConfig, SpecError } from '../../src/contract/resolve.ts'
import type { AnalyticsConnectorSpec } from '../../src/contract/resource.ts'
import { revisionOf, sinkConfigSchema } from '../../src/contract/sink-config.ts'

const defaults: OperatorDefaults = {
  realm: 'dev',
  kafka: { bootstrapServers: ['kafka:9092'] },
  topicPatterns: { game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}' },
}
const minimal: AnalyticsConnectorSpec = {
  storageType: 'KAFKA_S3',
  config: { eventType: 'game_telemetry', bucketName: 'acme-events', region: 'us-west-2' },
  filter: { acme: ['*'] },
}

type Config = AnalyticsConnectorSpec['config']
const resolve = (spec: Partial<AnalyticsConnectorSpec> = {}, operator = defaults) =>
  resolveSinkConfig({ namespace: 'games', name: 'game-events', spec: { ...minimal, ...spec } }, operator)
const resolveConfig = (config: Partial<Config>) => resolve({ config: { ...minimal.config, ...config } })

test('the least of a manifest becomes a whole configuration by the documented defaults', () => {
  expect(resolve()).toEqual({
    connector: 'games/game-events',
    eventType: 'game_telemetry',
    realm: 'dev',
    topicPattern: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
    filter: { acme: ['*'] },
    kafka: {
      bootstrapServers: ['kafka:9092'],
      groupId: 'analytics-connector.games.game-events',
      startFrom: 'earliest',
      epoch: 0,
    },
    s3: {
      bucketName: 'acme-events',
      region: 'us-west-2',
      forcePathStyle: false,
      partSizeBytes: 5_242_880,
      credentials: 'default',
      requestChecksumCalculation: 'when_supported',
    },
    format: 'ndjson',
    compression: 'none',
    path: {
      template:
        '{eventType}/realm/{realm}/topics/{topic}/year={yyyy}/month={MM}/day={dd}/hour={hh}/minute={mm}/{topic}.json',
      partitionDurationMs: 900_000,
      timestampSource: 'record',
    },
    flush: { intervalMs: 300_000, events: 10_000, bytes: 33_554_432 },
    bufferBytes: 67_108_864,
  })
  expect(sinkConfigSchema.parse(resolve())).toEqual(resolve())
})

test('what the manifest says goes before every default', () => {
  const config = resolve({
    config: {
      ...minimal.config,
      customPath: '{topic}.json',
      customPartitionDuration: '3600000',
      partSize: '8Mi',
      flushInterval: '1',
      flushSize: '7',
      flushMemory: 2048,
      endpoint: 'http://minio:9000',
      forcePathStyle: false,
      credentialsSecretRef: { name: 's3' },
    },
    kafka: { bootstrapServers: ['other:9092'], groupId: 'mine', startFrom: 'latest', epoch: 3 },
  })
  expect(config).toMatchObject({
    kafka: { bootstrapServers: ['other:9092'], groupId: 'mine', startFrom: 'latest', epoch: 3 },
    s3: { endpoint: 'http://minio:9000', forcePathStyle: false, partSizeBytes: 8_388_608, credentials: 'mounted' },
    path: { template: '{topic}.json', partitionDurationMs: 3_600_000 },
    flush: { intervalMs: 60_000, events: 7, bytes: 2048 },
  })
})

test('what is asked of S3 with each object is passed on as it is, and an assumed role’s session tells the connector', () => {
  const assumeRole = { roleArn: 'arn:aws:iam::111122223333:role/writer', externalId: 'ours' }
  const serverSideEncryption = { type: 'aws:kms', kmsKeyId: 'alias/events' } as const
  const asked = {
    serverSideEncryption,
    storageClass: 'STANDARD_IA',
    requestChecksumCalculation: 'when_required',
  } as const
  expect(resolveConfig({ assumeRole, ...asked }).s3).toMatchObject({
    ...asked,
    assumeRole: { ...assumeRole, sessionName: 'games.game-events' },
  })
})

test('a session’s name is as long as AWS takes it', () => {
  const name = 'events'.repeat(20)
  const spec = { ...minimal, config: { ...minimal.config, assumeRole: { roleArn: 'arn:aws:iam::1:role/a' } } }
  const { s3 } = resolveSinkConfig({ namespace: 'games', name, spec }, defaults)
  expect(s3.assumeRole?.sessionName).toBe(`games.${name}`.slice(0, 64))
})

test('how much memory records may take is the operator’s to say', () => {
  expect(resolve({}, { ...defaults, bufferBytes: 1_000_000 }).bufferBytes).toBe(1_000_000)
})

test('Parquet is compressed unless the manifest says otherwise, NDJSON only if it says so', () => {
  expect(resolveConfig({ format: 'parquet' })).toMatchObject({ format: 'parquet', compression: 'zstd' })
  expect(resolveConfig({ format: 'parquet', compression: 'none' })).toMatchObject({ compression: 'none' })
  expect(resolveConfig({ compression: 'gzip' })).toMatchObject({ format: 'ndjson', compression: 'gzip' })
})

test('an S3 server that is not AWS is addressed in the path unless the manifest says otherwise', () => {
  expect(resolveConfig({ endpoint: 'http://minio:9000' }).s3.forcePathStyle).toBe(true)
})

test('authorities of an S3 server of one’s own are a file; without them nothing is said, so that revisions stay as they were', () => {
  const tls = { caSecretRef: { name: 'minio-ca', key: 'tls.crt' } }
  expect(resolveConfig({ endpoint: 'https://minio:9000', tls }).s3.authorities).toBe('mounted')
  expect(resolveConfig({ tls }).s3.authorities).toBe('mounted')
  expect(resolveConfig({ endpoint: 'https://minio:9000', tls: {} }).s3).not.toHaveProperty('authorities')
})

test('the hyphen form of an event type has the same topics and keeps its form in the path', () => {
  expect(resolveConfig({ eventType: 'game-telemetry' })).toMatchObject({
    eventType: 'game-telemetry',
    topicPattern: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
  })
})

test('what pods are like is no part of the configuration: scaling and pausing keep the revision', () => {
  const changed = resolve({ active: false, replicas: 7, podTemplate: { priorityClassName: 'low' } })
  expect(revisionOf(changed)).toBe(revisionOf(resolve()))
})

test('equal values in other words are the same revision, so such an edit rolls nothing', () => {
  expect(revisionOf(resolveConfig({ flushInterval: '300s', partSize: '5Mi' }))).toBe(revisionOf(resolve()))
})

describe('what older rules let through is refused by name', () => {
  test.each<[Partial<Config>, string]>([
    [{ flushSize: '0' }, 'spec.config.flushSize: "0" is not allowed: must be a whole number of events'],
    [{ customPath: '{game}.json' }, 'spec.config.customPath: "{game}.json" is not allowed: must have braces only'],
    [
      { endpoint: 'http://minio:9000', tls: {} },
      'spec.config.tls: is not allowed: must be left out, or endpoint be https://, as http://minio:9000 is not encrypted',
    ],
    [{ eventType: 'justice_event' }, 'spec.config.eventType: "justice_event" has no topic pattern'],
  ])('%j', (config, message) => {
    expect(() => resolveConfig(config)).toThrow(SpecError)
    expect(() => resolveConfig(config)).toThrow(message)
  })
})
