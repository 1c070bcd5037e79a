import { expect, test } from 'vitest'
import { connectorNamespaceOf, parseAdminConfig } from '../../src/admin/config.ts'

const MINIMAL = 'realm: live\nkafka: { bootstrapServers: ["kafka:9092"] }\n'

test('realm and Kafka are enough; the rest has defaults', () => {
  expect(parseAdminConfig(MINIMAL, 'admin.yaml')).toEqual({
    realm: 'live',
    kafka: { bootstrapServers: ['kafka:9092'] },
    topicPatterns: {
      game_telemetry: 'analytics_game_telemetry.{realm}.{namespace}.{eventName}',
      justice_event: 'analytics_justice_event.{realm}.{namespace}.{eventName}',
    },
    rateLimits: { perClient: { perSecond: 50, burst: 100 }, refusals: { perSecond: 1, burst: 30 } },
    trustedProxies: [],
    shutdownDelaySeconds: 5,
  })
})

test.each([
  ['roleArn: connector', 'roleArn: "connector" is not allowed: must be the ARN of a role'],
  ['trustedProxies: [proxy]', 'trustedProxies[0]: "proxy" is not allowed: must be an address or a network'],
  ['tls: { certFile: tls.crt }', 'tls.keyFile: '],
  ['rateLimits: { perClient: { perSecond: 0, burst: 1 } }', 'rateLimits.perClient.perSecond: '],
  ['auth: {}', 'auth: name at least one of iam, builtIn and kubernetes'],
  ['color: red', 'color: is not a field: must be one of realm, '],
])('%s is refused with the field and what is allowed', (line, message) => {
  expect(() => parseAdminConfig(MINIMAL + line, 'admin.yaml')).toThrow(`admin.yaml cannot be used: ${message}`)
})

test('a password is not sent to a broker that nobody has checked', () => {
  const kafka = { bootstrapServers: ['kafka:9092'], sasl: { mechanism: 'PLAIN', username: 'u', passwordFile: 'p' } }
  expect(() => parseAdminConfig(JSON.stringify({ realm: 'live', kafka }), 'admin.yaml')).toThrow('must have tls')
})

test.each([
  ['', 'own'],
  ['watchNamespaces: [games, own]', 'own'],
  ['connectorNamespace: games', 'games'],
  ['watchNamespaces: [services, games]\nconnectorNamespace: games', 'games'],
])('with "%s" connectors are made in %s', (lines, namespace) => {
  expect(connectorNamespaceOf(parseAdminConfig(MINIMAL + lines, 'admin.yaml'), 'own', 'admin.yaml')).toBe(namespace)
})

test.each([
  ['connectorNamespace: other', 'other'],
  ['', "absent, so own, the pod's own"],
])('connectors are never made where the install looks after none: "%s"', (line, found) => {
  const config = parseAdminConfig(`${MINIMAL}watchNamespaces: [games, services]\n${line}`, 'admin.yaml')
  const message = `connectorNamespace: is ${found}: must be one of watchNamespaces (games, services)`
  expect(() => connectorNamespaceOf(config, 'own', 'admin.yaml')).toThrow(message)
})
