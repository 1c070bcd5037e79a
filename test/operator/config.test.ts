import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseOperatorConfig } from '../../src/operator/config.ts'
import { DEPLOY } from '../repository.ts'

const MINIMAL = 'realm: dev\nkafka: { bootstrapServers: ["kafka:9092"] }\n'

describe('parseOperatorConfig', () => {
  it('needs only the realm and a Kafka cluster', () => {
    expect(parseOperatorConfig(MINIMAL, 'operator.yaml')).toEqual({
      realm: 'dev',
      kafka: { bootstrapServers: ['kafka:9092'] },
      topicPatterns: {
        game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
        justice_event: 'analytics_justice_event.{realm}.{namespace}.{eventName}',
      },
      sinkResources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
      drainSeconds: 45,
      concurrency: 16,
      statusPollSeconds: { changing: 1, steady: 10 },
    })
  })

  it('takes the file that deploy/base ships, also with every default of its comments written out', () => {
    const shipped = readFileSync(join(DEPLOY, 'base/operator.yaml'), 'utf8')
    const config = parseOperatorConfig(shipped, 'operator.yaml')
    const optional = shipped
      .slice(shipped.indexOf('# topicPatterns'))
      .replace(/^# /gm, '')
      .replace(/^sinkImage:.*$/m, '')
    const { bufferBytes, watchNamespaces, idCounterNamespace, ...writtenOut } = parseOperatorConfig(
      MINIMAL + optional,
      'operator.yaml',
    )
    expect({ ...writtenOut, realm: config.realm, kafka: config.kafka }).toEqual(config)
    expect([bufferBytes, watchNamespaces, idCounterNamespace]).toEqual([67_108_864, ['games'], 'analytics-connector'])
  })

  it.each(['namespace', 'namespaces'])('takes the file of the overlay for %s', (overlay) => {
    const shipped = readFileSync(join(DEPLOY, 'overlays', overlay, 'operator.yaml'), 'utf8')
    const { watchNamespaces } = parseOperatorConfig(shipped, 'operator.yaml')
    expect(watchNamespaces).toEqual(overlay === 'namespace' ? ['analytics-connector'] : ['games', 'services'])
  })

  it.each([
    ['', 'realm: '],
    ['realm: dev', 'kafka: '],
    [
      'realm: "a b"\nkafka: { bootstrapServers: ["kafka:9092"] }',
      'realm: "a b" is not allowed: must be 1 to 63 letters, digits, dots, underscores and hyphens',
    ],
    [
      'realm: dev\nkafka: { bootstrapServers: [] }',
      'kafka.bootstrapServers: [] is not allowed: must name at least one broker',
    ],
    [
      'realm: dev\nkafka: { bootstrapServers: ["kafka"] }',
      'kafka.bootstrapServers[0]: "kafka" is not allowed: must be host:port',
    ],
    [
      'realm: dev\nkafka: { bootstrapServers: ["k:1"], sasl: { mechanism: PLAIN, secretRef: { name: a } } }',
      'kafka: must have tls where sasl.mechanism is PLAIN',
    ],
    ['realm: dev\nkafka: { bootstrapServers: ["k:1"], sasl: { mechanism: PLAIN } }', 'kafka.sasl: must have secretRef'],
    [`${MINIMAL}drainSeconds: 0`, 'drainSeconds: '],
    [
      `${MINIMAL}topicPatterns: { game_telemetry: "events.{realm}.{eventType}" }`,
      'topicPatterns.game_telemetry: "events.{realm}.{eventType}" is not allowed: must be the name of a topic, with {realm}, {namespace} and {eventName}',
    ],
    [
      `${MINIMAL}topicPatterns: { game_telemetry: "events.*" }`,
      'topicPatterns.game_telemetry: "events.*" is not allowed',
    ],
    [
      `${MINIMAL}sinkResources: { limits: { memory: 1GB } }`,
      'sinkResources.limits.memory: "1GB" is not allowed: must be a quantity such as 500m, 1 or 256Mi',
    ],
    [`${MINIMAL}watchNamespaces: ["Games"]`, 'watchNamespaces[0]: "Games" is not allowed: must be the name of'],
    [`${MINIMAL}sinkImages: x`, /sinkImages: is not a field: must be one of .*sinkImage/],
    [
      'realm: dev\nkafka: { bootstrapServers: "kafka:9092" }',
      'kafka.bootstrapServers: "kafka:9092" is not allowed: must be a list',
    ],
  ])('refuses %j naming the field', (text, problem) => {
    expect(() => parseOperatorConfig(text, 'operator.yaml')).toThrow(problem)
    expect(() => parseOperatorConfig(text, 'operator.yaml')).toThrow(/^operator\.yaml cannot be used:/)
  })

  it('says when the file is not YAML', () => {
    expect(() => parseOperatorConfig('realm: [', 'operator.yaml')).toThrow(/^operator\.yaml is not YAML/)
  })
})
